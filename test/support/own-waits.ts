/**
 * Files that wait for something beside the tool, and what ends those waits instead. Whoever adds a row says which limit, whose
 * signal and what is given back.
 */
export const OWN_WAITS: Readonly<Record<string, string>> = {
  // Processes: `run` has a limit and the caller's signal, and kills the process group at both.
  'src/host/process/node-spawn.ts': 'run.ts kills the process at its limit and goes on without it',
  'src/host/process/posix-spawn.ts': 'run.ts kills the process at its limit and goes on without it',
  'src/host/process/detached.ts': 'nobody waits: the end is told to whoever has started the program',
  'src/host/namespace/netns-dial.ts':
    'its own limit and the signal of the caller kill the program and close the socket',
  'src/host/namespace/user-netns.ts': 'the program is killed when `pin` ends, and `echoed` waits through the tool',
  // containerd: each call has a deadline or the signal of its caller, and is cancelled at both.
  'src/rpc/client/client.ts': 'the deadline of the call; Connection.call sees to it that there is one',
  'src/rpc/client/client-session.ts': 'the streams on the connection have deadlines',
  'src/rpc/client/client-stream.ts': 'the deadline or the signal of the call',
  'src/rpc/client/bare-call.ts': 'the tool; the end of the connection is told to whoever asks for it',
  // crisp-stdio, a process of our own: a connection that does not greet is closed at its limit, and calls have limits.
  'src/stdio/control-connection.ts': 'connect(2) to a unix socket answers at once; the greeting has a limit',
  // Our own ends: signals to this process, a worker thread, a server that closes.
  'src/stdiod/process.ts': 'the life of the process',
  'src/stdiod/engine/worker-port.ts': 'a thread of this process',
  'src/stdiod/server/stdio-server.ts': 'listening, and the end of our own server',
};

/**
 * Modules that are asked and do not ask: there a wait is for a client that has come to us, and the module bounds how many of them there
 * are, how long each may be silent and what it may leave unread.
 */
export const SERVING: readonly RegExp[] = [
  /^src\/streaming\//,
  /^src\/rpc\/server\//,
  /^src\/cri\/container\/streaming-runtime\.ts$/,
  /^src\/stdiod\/(?:engine|output|server)\//,
  /^src\/stdio\/(?!control-connection)/,
];

/** Files that read others' files beside the tool, and what ends those waits instead. */
export const OWN_FILES: Readonly<Record<string, string>> = {
  'src/cni/conf-dir.ts': '`settled` waits two seconds, and then the last reading counts',
  'src/cni/network-config.ts': 'read for conf-dir.ts',
  'src/cni/plugin-exec.ts': 'the signal of the caller; a plugin has a limit of its own',
  'src/cni/pod-networks.ts': 'the template of a configuration, read when the runtime’s configuration changes',
  'src/cni/result-cache.ts': 'a directory of our own',
  'src/recovery/adopt-execs.ts': 'a directory of our own',
  'src/host/this-machine.ts': 'directories of our own',
  'src/cri/container/inputs/cdi-files.ts':
    'CDI directories of this machine; read afresh for each container that asks for a device',
  'src/cri/container/inputs/resource-class-files.ts':
    'files that the configuration names; read for each container that asks for a class',
  'src/cri/base-spec-file.ts': 'a file that the configuration names',
  'src/cri/seccomp-profile.ts': 'regular files alone are opened',
};
