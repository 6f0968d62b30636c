import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { type Daemon, startDaemon } from '../support/daemon/process';
import { freePort } from '../support/daemon/registry';

/** What a machine boots from. */
export interface MachineParts {
  /** Folder with `disk.img`, `swap.img` and `key`; the machine's logs and the socket of its connection come into it. */
  readonly work: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly cgroup: CgroupVersion;
}

/** What a command in the machine has printed, and how it ended. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** A virtual machine that runs, and a connection to it as root. */
export interface Machine {
  /** The command line of ssh that leads into it. */
  readonly ssh: readonly string[];
  /**
   * Runs a shell command to its end; it is cut off, with code 255, after `seconds` and at an interrupt. Never rejects for
   * what the command does.
   */
  run(command: string, seconds: number): Promise<Ended>;
  /** Ends the connection and the machine, by their pids. */
  stop(): Promise<void>;
}

/** Emulated on two cores, while others work on them, a boot takes one minute to four. */
const BOOTS_WITHIN_MS = 600_000;
const KERNEL_ARGUMENTS = 'root=/dev/vda rw console=ttyS0 quiet psi=1 apparmor=1 security=apparmor';

/** What systemd mounts below /sys/fs/cgroup; of v1: one hierarchy for each controller. */
const HIERARCHY = {
  v1: 'systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1',
  v2: 'systemd.unified_cgroup_hierarchy=1',
} as const;
export type CgroupVersion = keyof typeof HIERARCHY;

/** The version that a name stands for. Throws on another name. */
export function cgroupVersion(name: string): CgroupVersion {
  if (name !== 'v1' && name !== 'v2') throw new Error(`CGROUP is ${name}; it may be v1 or v2`);
  return name;
}

/**
 * Boots a machine; resolves when it can be logged in to. Rejects at an interrupt. What has started is ended again when a
 * later part fails.
 */
export async function startMachine(parts: MachineParts, interrupt: AbortSignal): Promise<Machine> {
  const { work } = parts;
  const port = await freePort();
  const once = sshCommand(work, port);
  const qemu = await startDaemon({
    name: 'qemu',
    argv: qemuCommand(parts, port),
    dir: work,
    ready: async () => {
      interrupt.throwIfAborted();
      return (await runProgram([...once, 'true'], 30, interrupt)).code === 0;
    },
    readyWithinMs: BOOTS_WITHIN_MS,
    everyMs: 1000,
  });
  const control = join(work, 'ssh.sock');
  let connection: Daemon;
  try {
    connection = await startDaemon({
      name: 'ssh',
      argv: [...once.slice(0, -1), '-M', '-N', '-S', control, ...once.slice(-1)],
      dir: work,
      ready: async () => existsSync(control),
      readyWithinMs: 120_000,
    });
  } catch (error) {
    await qemu.kill();
    throw error;
  }
  return {
    ssh: once,
    run: (command, seconds) =>
      runProgram([...once.slice(0, -1), '-S', control, ...once.slice(-1), command], seconds, interrupt),
    stop: async () => {
      await connection.stop();
      await qemu.stop();
    },
  };
}

function qemuCommand({ work, kernel, initrd, cgroup }: MachineParts, port: number): string[] {
  const drive = (file: string): string[] => ['-drive', `file=${join(work, file)},format=raw,if=virtio,cache=unsafe`];
  return [
    'qemu-system-x86_64',
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '4096'],
    ...['-display', 'none', '-monitor', 'none', '-serial', `file:${join(work, 'console.log')}`],
    ...['-kernel', kernel, '-initrd', initrd, '-append', `${KERNEL_ARGUMENTS} ${HIERARCHY[cgroup]}`],
    ...[...drive('disk.img'), ...drive('swap.img')],
    ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`, '-device', 'virtio-net-pci,netdev=net,romfile='],
    ...['-device', 'virtio-rng-pci'],
  ];
}

/** ssh to the machine; its host key is as new as it is. The last word is whom to log in as, and where. */
function sshCommand(work: string, port: number): string[] {
  const options = {
    BatchMode: 'yes',
    ConnectTimeout: '20',
    IdentitiesOnly: 'yes',
    LogLevel: 'ERROR',
    StrictHostKeyChecking: 'no',
    UserKnownHostsFile: '/dev/null',
  };
  const words = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return ['ssh', '-F', 'none', '-i', join(work, 'key'), ...words, '-p', String(port), 'root@127.0.0.1'];
}

/** Runs a program with nothing on stdin; what it prints on stdout and stderr is put together. */
function runProgram(argv: readonly string[], seconds: number, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    const [program = '', ...args] = argv;
    const options = { timeout: seconds * 1000, killSignal: 'SIGKILL', maxBuffer: 64 << 20, signal } as const;
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      const cut = error?.killed ? `cut off after ${seconds} s\n` : '';
      resolve({ code, output: `${stdout}${stderr}${cut}` });
    });
    child.stdin?.end();
  });
}
