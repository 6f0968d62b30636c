import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

import { ExecRequest, ExecSyncRequest } from '../../../generated/cri/v1/api';
import { until } from '../../support/daemon/process';
import { type Crictl, describeWithCrictl, type Running, TRANSPORTS, useCrictl } from '../../support/node/crictl';
import { residentBytes } from '../../support/node/crisp-process';
import type { TestNode } from '../../support/node/node';
import { exec, type Pod, runContainer, runPod, shell } from '../../support/node/pods';
import { dialSpdy } from '../../support/streaming/direct-client';

const MINUTE = 60_000;
const MIB = 1 << 20;
/** How much goes through, in MiB; set for a longer run. */
const MEBIBYTES = Number(process.env.CRISP_STREAM_MIB ?? 1024);
/** What crisp's memory may grow by meanwhile. */
const GROWTH = 64 * MIB;
const LONG = (2 + MEBIBYTES / 1024) * MINUTE;

let node: TestNode;
let crictl: Crictl;
let pod: Pod;
let id: string;
let watching: NodeJS.Timeout | undefined;

/** Watches crisp's memory; answers how much more than at the start it was at most. */
function watchMemory(): () => number {
  const { pid } = node.crisp.daemon;
  const before = residentBytes(pid);
  let most = before;
  const look = (): void => {
    most = Math.max(most, residentBytes(pid));
  };
  watching = setInterval(look, 50);
  return () => {
    clearInterval(watching);
    look();
    return most - before;
  };
}

/** A command of crictl between two programs of a shell. */
function piped(before: string, args: readonly string[], after: string): Running {
  const command = crictl.argv(...args).map((arg) => `'${arg.replaceAll("'", "'\\''")}'`);
  const parts = [before, command.join(' '), after].filter((part) => part !== '');
  return crictl.startProgram(['bash', '-o', 'pipefail', '-c', parts.join(' | ')]);
}

function report(what: string, grown: number, started: number): void {
  const seconds = (Date.now() - started) / 1000;
  const rate = Math.round(MEBIBYTES / seconds);
  console.log(`${what}: ${MEBIBYTES} MiB, ${rate} MiB/s, crisp's memory grew by ${Math.round(grown / MIB)} MiB`);
}

describeWithCrictl('Much data', () => {
  useCrictl(async (started) => {
    ({ node, crictl } = started);
    pod = await runPod(node);
    id = await runContainer(node, pod, shell('main', 'sleep 1000000'));
    // Once each, so that what is loaded and compiled on first use counts as there before.
    for (const transport of TRANSPORTS) {
      await piped('', ['exec', '--transport', transport, id, 'dd', 'if=/dev/zero', 'bs=1M', 'count=64'], 'wc -c').ended;
    }
  });

  afterEach(() => clearInterval(watching));

  describe.each(TRANSPORTS)('over %s', (transport) => {
    it(
      'comes out of exec whole, and costs crisp no memory',
      async () => {
        const [grown, started] = [watchMemory(), Date.now()];
        const args = ['exec', '--transport', transport, id, 'dd', 'if=/dev/zero', 'bs=1M', `count=${MEBIBYTES}`];
        const { code, stdout } = await piped('', args, 'wc -c').ended;
        expect([code, String(stdout).trim()]).toEqual([0, String(MEBIBYTES * MIB)]);
        const most = grown();
        report(`exec over ${transport}`, most, started);
        expect(most).toBeLessThan(GROWTH);
      },
      LONG,
    );

    it('for a command that does not read its stdin waits outside of crisp', async () => {
      const grown = watchMemory();
      const wait = 'while [ ! -e /go ]; do usleep 10000; done; rm /go; wc -c';
      const reading = piped(
        'head -c 300M /dev/zero',
        ['exec', '--transport', transport, '-i', id, 'sh', '-c', wait],
        '',
      );
      await inContainer(/rm \/go/);
      const source = childOf(reading.child.pid ?? 0, 'head -c 300M');
      await standingStill(() => writtenBy(source));
      await exec(node, id, 'touch', '/go');
      const { stdout } = await reading.ended;
      expect(String(stdout).trim()).toBe(String(300 * MIB));
      expect(grown()).toBeLessThan(GROWTH);
    });
  });

  it('that a client does not read stops the command that prints it', async () => {
    const grown = watchMemory();
    const cmd = ['dd', 'if=/dev/zero', 'bs=1M', 'count=200'];
    const request = ExecRequest.fromPartial({ containerId: id, cmd, stdout: true, stderr: true });
    const client = await dialSpdy((await node.cri.runtime.exec(request)).url);
    const { error, stdout } = await client.openAll('error', 'stdout', 'stderr');
    stdout.discarding = true;
    client.socket.pause();
    const command = await inContainer(/^dd if/);
    const printed = await standingStill(() => writtenBy(command));
    expect(printed).toBeLessThan(64 * MIB);
    expect(grown()).toBeLessThan(GROWTH);
    client.socket.resume();
    expect(JSON.parse(await error.all())).toMatchObject({ status: 'Success' });
    expect(stdout.bytes).toBe(200 * MIB);
    client.destroy();
  });

  it('that ExecSync has no room for is read and thrown away', async () => {
    const grown = watchMemory();
    const many = ExecSyncRequest.fromPartial({ containerId: id, cmd: ['dd', 'if=/dev/zero', 'bs=1M', 'count=300'] });
    const { stdout, exitCode } = await node.cri.runtime.execSync(many);
    expect(exitCode).toBe(0);
    expect(stdout.length).toBeGreaterThan(15 * MIB);
    expect(stdout.length).toBeLessThanOrEqual(16 * MIB);
    expect(grown()).toBeLessThan(2 * GROWTH); // the answer is kept, and then encoded
  });

  it(
    'comes through a forwarded port whole, also to a client that pauses, and costs crisp no memory',
    async () => {
      const command = `nc -ll -p 8080 -e dd if=/dev/zero bs=1M count=${MEBIBYTES} </dev/null >/dev/null 2>&1 &`;
      await exec(node, id, 'sh', '-c', command);
      await until('it listens', MINUTE, async () => {
        return (await exec(node, id, 'netstat', '-ltn')).stdout.includes(':8080 ');
      });
      const forward = crictl.start('port-forward', pod.id, '0:8080');
      const port = (): number => Number(/127\.0\.0\.1:(\d+)/.exec(String(forward.stdout()))?.[1] ?? 0);
      await until('it forwards', MINUTE, async () => port() > 0);
      const [grown, started] = [watchMemory(), Date.now()];
      const socket = connect(port(), '127.0.0.1');
      let bytes = 0;
      let ended = false;
      socket.on('data', ({ length }) => {
        bytes += length;
        if (bytes > 100 * MIB && bytes - length <= 100 * MIB) socket.pause();
      });
      socket.on('end', () => {
        ended = true;
      });
      await until('it pauses', LONG, async () => socket.isPaused());
      const source = await inContainer(/^dd if/);
      await standingStill(() => writtenBy(source));
      socket.resume();
      await until('the end', LONG, async () => ended);
      expect(bytes).toBe(MEBIBYTES * MIB);
      const most = grown();
      report('port-forward', most, started);
      expect(most).toBeLessThan(GROWTH);
    },
    LONG,
  );
});

/** Resolves with a value once it has not changed for a while. */
async function standingStill(value: () => number): Promise<number> {
  let [last, since] = [-1, Date.now()];
  await until('it stands still', MINUTE, async () => {
    const now = value();
    if (now !== last) [last, since] = [now, Date.now()];
    return now > 0 && Date.now() - since > 500;
  });
  return last;
}

/** The process in the container with such a command line, once it is there. (busybox changes the line of its dd.) */
async function inContainer(line: RegExp): Promise<number> {
  let found: number | undefined;
  await until(`${line} runs`, MINUTE, async () => {
    const pids = node.containerd.ctr('tasks', 'ps', id).match(/^\d+/gm) ?? [];
    found = pids.map(Number).find((pid) => line.test(commandLine(pid)));
    return found !== undefined;
  });
  return found ?? 0;
}

/** The process with this text in its command line that another one has started. */
function childOf(parent: number, text: string): number {
  const pids = execFileSync('ps', ['-o', 'pid=', '--ppid', String(parent)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
  return pids.map(Number).find((pid) => commandLine(pid).includes(text)) ?? 0;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended
  }
}

/** How many bytes a process has written so far. */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
