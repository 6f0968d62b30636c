import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from '../../src/base/atomic-file';
import { silentLogger } from '../../src/base/logger';
import { noMetrics } from '../../src/base/metrics';
import { makeFifos } from '../../src/host/files/fifos';
import { makeDir } from '../../src/host/mount/dirs';
import { makeMountPoint } from '../../src/host/namespace/netns';
import { writeSandboxFiles } from '../../src/host/namespace/sandbox-files';
import { spawnDetached } from '../../src/host/process/detached';
import { lockFile } from '../../src/host/process/lock-file';
import { kernelPipes, makeRoom } from '../../src/host/syscall/pipes';
import { bindSocketFile } from '../../src/rpc/server/listen';
import { LogFile } from '../../src/stdio/log-file';
import type { CopyingStdio, StdioSpec } from '../../src/stdio/stdio-service';
import { RecordedStdio } from '../../src/stdiod/server/recorded-stdio';
import { StdioServer } from '../../src/stdiod/server/stdio-server';

/** What makes something below a directory. Answers how that is ended again. */
type Make = (dir: string) => Promise<() => unknown>;

const nothing = (): void => undefined;
const opens = { open: async () => undefined } as unknown as CopyingStdio;
const spec: StdioSpec = { id: 'web', tty: false, logPath: '', maxLineBytes: 0 };

const criSocket: Make = async (dir) => {
  const server = createServer();
  const listen = (path: string) => new Promise<void>((resolve) => void server.listen(path, resolve));
  const file = await bindSocketFile(join(dir, 'run/crisp.sock'), 0o600, listen);
  return async () => {
    await file.remove();
    server.close();
  };
};

const stdioSocket: Make = async (dir) => {
  const ignored = { onControl: nothing, onLeave: nothing, onQuit: async () => {}, onLetGo: async () => {} };
  const server = new StdioServer({ stdio: opens, log: silentLogger, build: 'x', ...ignored });
  await server.listen(join(dir, 'stdio.sock'));
  return () => server.close();
};

const stdioLog: Make = async (dir) => {
  const before = process.env.JOURNAL_STREAM;
  delete process.env.JOURNAL_STREAM; // as where systemd does not run us
  await new Promise<string>((onEnd) => {
    spawnDetached(['true'], { logFile: join(dir, 'stdio.log'), onNoLog: nothing, onEnd });
  });
  if (before !== undefined) process.env.JOURNAL_STREAM = before;
  return nothing;
};

/** What is made, and with which modes: whatever the umask. */
const EXACT: readonly (readonly [string, Make, Readonly<Record<string, string>>])[] = [
  ['the CRI socket and its directory', criSocket, { run: '700', 'run/crisp.sock': '600' }],
  ['the socket of crisp-stdio', stdioSocket, { 'stdio.sock': '600' }],
  ['the log of crisp-stdio', stdioLog, { 'stdio.log': '600' }],
  [
    'a lock and its directory',
    async (dir) => {
      const lock = await lockFile(join(dir, 'state/lock'));
      return () => lock.release();
    },
    { state: '700', 'state/lock': '600' },
  ],
  [
    'a record, such as a status or a journal file, and the directories above it',
    async (dir) => {
      await writeFileAtomic(join(dir, 'containers/web/status'), '{}');
      return nothing;
    },
    { containers: '700', 'containers/web': '700', 'containers/web/status': '600' },
  ],
  [
    'FIFOs and their directory',
    async (dir) => {
      await makeFifos([join(dir, 'io/out'), join(dir, 'io/err')]);
      return nothing;
    },
    { io: '700', 'io/out': '600', 'io/err': '600' },
  ],
  [
    'the note of an open stdio and its directory',
    async (dir) => {
      await new RecordedStdio(opens, join(dir, 'open'), silentLogger).open(spec);
      return nothing;
    },
    { open: '700', 'open/web.json': '600' },
  ],
  [
    'the journal of copying',
    async (dir) => {
      makeRoom(join(dir, 'journal'), 4096);
      kernelPipes().sharedMemory(join(dir, 'journal-1'), 4096);
      return nothing;
    },
    { journal: '600', 'journal-1': '600' },
  ],
  [
    'the files of a pod, which users of containers read, in a directory that only root enters',
    async (dir) => {
      const dns = { servers: ['10.0.0.10'], searches: [], options: [] };
      await writeSandboxFiles(join(dir, 'pod'), { hostname: 'web', dns });
      return nothing;
    },
    { pod: '700', 'pod/hostname': '644', 'pod/hosts': '644', 'pod/resolv.conf': '644' },
  ],
  [
    'directories of a mode that is asked for',
    async (dir) => {
      await makeDir(join(dir, 'a/b'), 0o700);
      await makeDir(join(dir, 'volume'), 0o755);
      return nothing;
    },
    { a: '700', 'a/b': '700', volume: '755' },
  ],
];

/** The same of what others than root may read: the umask takes from it, as it does from what containerd's plugin makes. */
const AT_MOST: typeof EXACT = [
  [
    'a container log and its directory',
    async (dir) => {
      const log = new LogFile(join(dir, 'pod/app.log'), { log: silentLogger, metrics: noMetrics });
      return () => log.close();
    },
    { pod: '755', 'pod/app.log': '640' },
  ],
  [
    'the mount point of a network namespace and its directory',
    async (dir) => {
      await makeMountPoint(join(dir, 'netns/cni-1'));
      return nothing;
    },
    { netns: '755', 'netns/cni-1': '444' },
  ],
];

const UMASKS = [0, 0o022, 0o077] as const;

/** Makes it below a directory of its own, under a umask; answers the mode of each thing that is there then. */
async function modesOf(make: Make, umask: number): Promise<Record<string, string>> {
  const dir = mkdtempSync(join(tmpdir(), 'umask-'));
  const before = process.umask(umask);
  try {
    const end = await make(dir);
    const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' });
    const modes = paths.map((path) => [path, (lstatSync(join(dir, path)).mode & 0o777).toString(8)]);
    await end();
    return Object.fromEntries(modes);
  } finally {
    process.umask(before);
    rmSync(dir, { recursive: true });
  }
}

describe.each(UMASKS.map((umask) => [umask.toString(8).padStart(3, '0'), umask] as const))(
  'under a umask of %s',
  (_, umask) => {
    it.each(EXACT)('%s: no other mode than under any', async (_what, make, modes) => {
      expect(await modesOf(make, umask)).toEqual(modes);
    });

    it.each(AT_MOST)('%s: nothing more', async (_what, make, modes) => {
      const left = (mode: string): string => (Number.parseInt(mode, 8) & ~umask).toString(8);
      expect(await modesOf(make, umask)).toEqual(
        Object.fromEntries(Object.entries(modes).map(([path, mode]) => [path, left(mode)])),
      );
    });
  },
);
