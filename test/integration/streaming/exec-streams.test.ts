import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

import { ExecRequest, ExecSyncRequest } from '../../../generated/cri/v1/api';
import { silentLogger } from '../../../src/base/logger';
import { ContainerdClient } from '../../../src/containerd/client';
import { isAtHand } from '../../support/daemon/containerd';
import { shimOf } from '../../support/daemon/leftovers';
import { until } from '../../support/daemon/process';
import { PAUSE, startNode, type TestNode } from '../../support/node/node';
import {
  exec,
  exitOf,
  logLines,
  logOf,
  nothingLeft,
  type Pod,
  removePod,
  runContainer,
  runPod,
  shell,
} from '../../support/node/pods';
import { dialSpdy } from '../../support/streaming/direct-client';
import { ALL_CHOICES, isPossible, nameOf, runOver, type Streams } from '../../support/streaming/run-command';

const SECOND = 1000;
/** A shim waits two seconds for the outputs of a process that is deleted; the rest is for a busy machine. */
const GONE_WITHIN_MS = 20 * SECOND;
const READS_A_LINE = 'read line; echo "got $line"';
const PRINTS = 'echo out; echo err >&2; exit 7';

/** Prints, repeats a line of its stdin if it has one, and ends with 7. */
function command({ stdin }: { stdin: boolean }): string {
  return stdin ? `${READS_A_LINE}; ${PRINTS}` : PRINTS;
}

describe.each((['1.6', '2'] as const).filter(isAtHand))('a command in a container, on containerd %s', (version) => {
  let node: TestNode;
  let pod: Pod;
  let main: string;
  let containerd: ContainerdClient;

  beforeAll(async () => {
    // Children have for ever for their output.
    const settings = { sandbox_image: PAUSE, drain_exec_sync_io_timeout: '0s' };
    node = await startNode({ version, settings });
    pod = await runPod(node);
    main = await runContainer(node, pod, shell('main', 'sleep 100000'));
    containerd = new ContainerdClient({ address: node.containerd.address, namespace: 'k8s.io', log: silentLogger });
  }, 120 * SECOND);
  afterAll(async () => {
    containerd?.close();
    await removePod(node, pod);
    await nothingLeft(node);
    await node.stop();
  }, 60 * SECOND);

  async function urlFor(script: string, streams: Streams): Promise<string> {
    const request = ExecRequest.fromPartial({ containerId: main, cmd: ['sh', '-c', script], ...streams });
    return (await node.cri.runtime.exec(request)).url;
  }

  /** Exec ids of which there are FIFOs. */
  function execIds(): string[] {
    const io = join(node.containerd.state, 'io.containerd.grpc.v1.cri/containers', main, 'io');
    const names = readdirSync(io).filter((name) => !name.startsWith(main));
    return [...new Set(names.map((name) => name.replace(/-std(in|out|err)$/, '')))];
  }

  /** The command that is there when it has ended and is not deleted yet. */
  async function endedExec(): Promise<string> {
    let found: string | undefined;
    await until('the command has ended', 20 * SECOND, async () => {
      const [execId = ''] = execIds();
      const process = execId === '' ? undefined : await containerd.tasks.get({ containerId: main, execId });
      if (process?.status === 'STOPPED') found = execId;
      return found !== undefined;
    });
    return found ?? '';
  }

  async function gone(execId: string): Promise<void> {
    await until('the command is deleted', GONE_WITHIN_MS, async () => {
      return execIds().length === 0 && (await containerd.tasks.get({ containerId: main, execId })) === undefined;
    });
  }

  describe.each(['spdy', 'websocket'] as const)('over %s', (transport) => {
    it.each(ALL_CHOICES.filter(isPossible).map((each) => [nameOf(each), each] as const))(
      'with %s has its output and its exit code',
      async (_name, wanted) => {
        const seen = await runOver(transport, await urlFor(command(wanted), wanted), wanted, 'in\n');
        expect(seen.end).toBe(7);
        const [out, err, got] = [/^out\r?$/m, /^err\r?$/m, /^got in\r?$/m];
        // A terminal has one output, and shows what is typed as well.
        expect([out.test(seen.stdout), got.test(seen.stdout)]).toEqual([wanted.stdout, wanted.stdout && wanted.stdin]);
        expect(err.test(seen.stdout)).toBe(wanted.stdout && wanted.tty);
        expect(seen.stderr).toBe(wanted.stderr ? 'err\n' : '');
      },
    );
  });

  it('by ExecSync has both outputs and its exit code', async () => {
    expect(await exec(node, main, 'sh', '-c', PRINTS)).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 7 });
  });

  it.each([
    { stdin: false, tty: false },
    { stdin: true, tty: false },
    { stdin: false, tty: true },
    { stdin: true, tty: true },
  ])('that is the container’s own has its output and its exit code: %j', async (own) => {
    const name = `own-${own.stdin}-${own.tty}`;
    const id = await runContainer(node, pod, shell(name, PRINTS, own));
    expect((await exitOf(node, id)).exitCode).toBe(7);
    const lines = logLines(logOf(pod, name)).map(({ stream, text }) => `${stream} ${text.trimEnd()}`);
    expect(lines.sort()).toEqual(own.tty ? ['stdout err', 'stdout out'] : ['stderr err', 'stdout out']);
  });

  it('has all the output that its child prints after it has ended', async () => {
    // Later than a shim would wait for it.
    const script = '(sleep 4; echo late) & echo now';
    expect(await exec(node, main, 'sh', '-c', script)).toEqual({ stdout: 'now\nlate\n', stderr: '', exitCode: 0 });
  });

  it('is deleted within seconds when the caller of ExecSync leaves, though a child holds its output', async () => {
    const caller = new AbortController();
    const cmd = ['sh', '-c', 'sleep 1000 & echo held'];
    const request = ExecSyncRequest.fromPartial({ containerId: main, cmd });
    const answer = node.cri.runtime.execSync(request, { signal: caller.signal });
    answer.catch(() => undefined);
    const execId = await endedExec();
    caller.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
    await gone(execId);
  });

  it('is deleted within seconds when its client leaves, though a child prints more and more', async () => {
    const shim = shimOf(node.containerd.address, pod.id);
    const wanted = { tty: false, stdin: false, stdout: true, stderr: true };
    // Nobody reads that any more, and the shim must not wait for somebody who does.
    const client = await dialSpdy(await urlFor('(sleep 1; yes) & echo held', wanted));
    const { stdout } = await client.openAll('error', 'stdout', 'stderr');
    await until('it has printed', 20 * SECOND, async () => stdout.text().startsWith('held\n'));
    stdout.discarding = true;
    const execId = await endedExec();
    client.destroy();
    await gone(execId);
    await until('the shim has let go of its FIFOs', GONE_WITHIN_MS, async () => {
      return openPaths(shim).every((path) => !path.includes(execId));
    });
  });
});

function openPaths(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}
