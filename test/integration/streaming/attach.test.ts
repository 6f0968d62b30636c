import { statSync } from 'node:fs';

import { AttachRequest, ContainerState } from '../../../generated/cri/v1/api';
import { until } from '../../support/daemon/process';
import { type Crictl, describeWithCrictl, TRANSPORTS, useCrictl } from '../../support/node/crictl';
import { openSockets } from '../../support/node/crisp-process';
import type { TestNode } from '../../support/node/node';
import {
  exec,
  exitOf,
  logLines,
  logOf,
  type Pod,
  runContainer,
  runPod,
  shell,
  statusOf,
} from '../../support/node/pods';
import { dialSpdy } from '../../support/streaming/direct-client';

const MINUTE = 60_000;

let node: TestNode;
let crictl: Crictl;
let pod: Pod;

/** Says that it is there until it is told to go on: who has seen it is attached. */
const TICK_UNTIL_GO = 'while [ ! -e /go ]; do echo tick; usleep 20000; done';

/** How many of the long lines there are. */
function lineCount(output: Buffer): number {
  return (String(output).match(/^x{999}$/gm) ?? []).length;
}

/** Text that is one line of a terminal or a pipe. */
const shown = (bytes: Buffer): string => String(bytes).replaceAll('\r', '');

describeWithCrictl('crictl attach', () => {
  useCrictl(async (started) => {
    ({ node, crictl } = started);
    pod = await runPod(node);
  });

  describe.each(TRANSPORTS)('over %s', (transport) => {
    const attach = (...args: string[]): string[] => ['attach', '--transport', transport, ...args];

    it('sends stdin, which stays open for the next client, and ends with the container', async () => {
      const script = 'while read line; do echo "got $line"; [ "$line" = bye ] && exit 5; done';
      const id = await runContainer(node, pod, shell(`stdin-${transport}`, script, { stdin: true }));
      const first = crictl.start(...attach('-i', id));
      first.child.stdin.write('one\n');
      await until('an answer', MINUTE, async () => String(first.stdout()) === 'got one\n');
      first.child.stdin.end();
      const second = crictl.start(...attach('-i', id));
      second.child.stdin.write('two\nbye\n');
      expect(await second.ended).toMatchObject({ code: 0, stderr: '' });
      expect(String(second.stdout())).toBe('got two\ngot bye\n');
      expect((await first.ended).code).toBe(0);
      expect(String(first.stdout())).toBe('got one\ngot two\ngot bye\n');
      expect((await exitOf(node, id)).exitCode).toBe(5);
    });

    it('ends stdin for good with its own, where the container says so', async () => {
      const config = shell(`once-${transport}`, 'wc -c; echo done >&2', { stdin: true, stdinOnce: true });
      const id = await runContainer(node, pod, config);
      const { code, stdout, stderr } = await crictl.run(attach('-i', id), Buffer.alloc(3_000_000));
      expect([code, String(stdout), stderr]).toEqual([0, '3000000\n', 'done\n']);
      expect((await exitOf(node, id)).exitCode).toBe(0);
      // Each stream is a pipe of its own: which of the two is read first is open.
      const lines = logLines(logOf(pod, `once-${transport}`)).map(({ stream, text }) => `${stream} ${text}`);
      expect(lines.sort()).toEqual(['stderr done', 'stdout 3000000']);
    });

    it('joins a terminal', async () => {
      const id = await runContainer(node, pod, shell(`tty-${transport}`, 'sh', { stdin: true, tty: true }));
      const command = crictl.argv(...attach('-it', id)).join(' ');
      const line = `stty rows 41 cols 99; exec ${command}`;
      const client = crictl.startProgram(['script', '--quiet', '--return', '--command', line, '/dev/null']);
      await until('the size of the terminal', MINUTE, async () => {
        client.child.stdin.write('stty size\n');
        return shown(client.stdout()).includes('\n41 99\n');
      });
      client.child.stdin.write('exit 6\n');
      await client.ended;
      expect((await exitOf(node, id)).exitCode).toBe(6);
    });

    it('gives everybody the same, and nothing of what was before', async () => {
      const script = `echo before; ${TICK_UNTIL_GO}; echo out; echo err >&2`;
      const id = await runContainer(node, pod, shell(`all-${transport}`, script));
      await until('the first line', MINUTE, async () => logLines(logOf(pod, `all-${transport}`)).length > 0);
      const clients = [1, 2, 3].map(() => crictl.start(...attach(id)));
      for (const client of clients) await until('it is attached', MINUTE, async () => client.stdout().length > 0);
      await exec(node, id, 'touch', '/go');
      for (const client of clients) {
        const { code, stdout, stderr } = await client.ended;
        expect([code, String(stdout).replaceAll('tick\n', ''), stderr]).toEqual([0, 'out\n', 'err\n']);
      }
    });
  });

  it('that is gone is forgotten at once, though the container says nothing', async () => {
    const id = await runContainer(node, pod, shell('silent', 'sleep 1000', { stdin: true }));
    const { pid } = node.crisp.daemon;
    const before = openSockets(pid);
    const forgotten = async (): Promise<void> => {
      const gone = Date.now();
      await until('all are forgotten', MINUTE, async () => openSockets(pid) <= before);
      expect(Date.now() - gone).toBeLessThan(5000);
    };
    for (const transport of TRANSPORTS) {
      const clients = [1, 2, 3].map(() => crictl.start('attach', '-i', '--transport', transport, id));
      await until('all are connected', MINUTE, async () => openSockets(pid) >= before + 3);
      for (const { child } of clients) child.kill('SIGKILL');
      await forgotten();
    }
    const request = AttachRequest.fromPartial({ containerId: id, stdin: true, stdout: true, stderr: true });
    const direct = await dialSpdy((await node.cri.runtime.attach(request)).url);
    await direct.openAll('error', 'stdin', 'stdout', 'stderr');
    await direct.ping(); // it is attached by now
    direct.destroy();
    await forgotten();
    expect((await statusOf(node, id)).state).toBe(ContainerState.CONTAINER_RUNNING);
  });

  it('that does not take its output is dropped, and neither the log nor the others wait for it', async () => {
    const pieces = 16;
    const total = pieces * 500_000;
    // Half of what makes a client slow at a time, and no more until it is taken: nobody who reads falls behind.
    const piece = `yes ${'x'.repeat(999)} | head -c 500000`;
    const print = `for i in $(seq ${pieces}); do while [ ! -e /go$i ]; do usleep 20000; done; ${piece}; done`;
    const script = `${TICK_UNTIL_GO}; ${print}; sleep 1000`;
    const id = await runContainer(node, pod, shell('loud', script));
    const request = AttachRequest.fromPartial({ containerId: id, stdout: true });
    const slow = await dialSpdy((await node.cri.runtime.attach(request)).url);
    await slow.openAll('error', 'stdout');
    await slow.ping();
    slow.socket.pause();
    const good = crictl.start('attach', id);
    await until('the other is attached', MINUTE, async () => good.stdout().length > 0);
    await exec(node, id, 'touch', '/go');
    for (let i = 1; i <= pieces; i++) {
      await exec(node, id, 'touch', `/go${i}`);
      await until(`the other has piece ${i}`, MINUTE, async () => lineCount(good.stdout()) === i * 500);
    }
    const log = logOf(pod, 'loud');
    await until('the log has all of it', MINUTE, async () => statSync(log).size >= total);
    const lengths = logLines(log).map(({ text }) => text.length);
    expect(lengths.filter((length) => length === 999)).toHaveLength(total / 1000);
    expect(new Set(lengths)).toEqual(new Set([4, 999]));
    slow.socket.resume();
    await until('the slow one is cut off', MINUTE, async () => slow.closed);
    expect(slow.streams.get(3)?.bytes).toBeLessThan(total);
    good.child.kill();
  });
});
