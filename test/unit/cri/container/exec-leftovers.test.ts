import { readdirSync } from 'node:fs';
import { execSync } from '../../../../src/cri/container/exec-sync';
import { streamingRuntime } from '../../../../src/cri/container/streaming-runtime';
import { arrange, callsOf, MISHAPS, type Mishap, type OutwardCall, tryEach } from '../../../support/each-call';
import { runContainer, runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';
import { FakeClient } from '../../../support/streaming/process-streams';
import { until } from '../../../support/streaming/until';
import { removeAll } from '../../../support/use-rig';

/** Runs a command in the container; `signal` tells of a caller, or client, that leaves. */
type Run = (rig: StoryRig, containerId: string, signal: AbortSignal) => Promise<number>;

const runSync: Run = async (rig, containerId, signal) =>
  (await execSync(rig.deps, { containerId, cmd: ['date'], timeout: 0n }, rig.call(signal))).exitCode;

function runStreaming(kill: boolean): Run {
  return async (rig, containerId, signal) => {
    const client = new FakeClient();
    signal.addEventListener('abort', () => client.leave());
    const { config } = rig.deps;
    const deps = {
      ...rig.deps,
      config: { ...config, streaming: { ...config.streaming, kill_exec_on_disconnect: kill } },
    };
    const streams = { tty: false, stdin: true, stdout: true, stderr: true };
    return streamingRuntime(deps).exec({ containerId, sandboxId: 'pod', cmd: ['date'], ...streams }, client);
  };
}

const KINDS: [string, Run, readonly Mishap[]][] = [
  ['ExecSync', runSync, MISHAPS],
  ['Exec', runStreaming(false), MISHAPS],
  ['Exec whose process is killed with its client', runStreaming(true), ['outlives its caller']],
];

/** A rig with a running container whose commands end by themselves. */
async function arranged(): Promise<{ rig: StoryRig; id: string }> {
  const rig = await StoryRig.start();
  const { id } = (await runContainer(rig, await runPod(rig))).metadata;
  rig.fake.world.onStart = (process) => {
    if (process.execId !== '') setTimeout(() => process.exit(3), 5);
  };
  return { rig, id };
}

/** What a command has left in the daemon and on disk. */
function left(rig: StoryRig, id: string): string[] {
  const execs = [...(rig.fake.state.tasks.get(id)?.execs.keys() ?? [])];
  return [...execs, ...readdirSync(rig.deps.paths.io(id)).filter((name) => !name.startsWith(id))];
}

async function done({ rig }: { rig: StoryRig }): Promise<void> {
  rig.heal();
  await removeAll(rig);
  await rig.close();
}

describe.each(KINDS)('%s', (_kind, run, mishaps) => {
  it.each(mishaps)('leaves no process and no FIFO when any one of its calls %s', async (mishap: Mishap) => {
    const first = await arranged();
    const calls = await callsOf(first.rig, () => run(first.rig, first.id, new AbortController().signal));
    expect(calls.length).toBeGreaterThan(5);
    expect(left(first.rig, first.id)).toEqual([]);
    await done(first);
    const wrong = await tryEach(calls, async (call: OutwardCall) => {
      const each = await arranged();
      const signal = arrange(each.rig, call, mishap);
      const result = await run(each.rig, each.id, signal).catch(() => 'failed');
      // FIFOs tell of a process that could not be deleted, as far as we know; one that cannot be removed is what was arranged.
      const excused = mishap !== 'outlives its caller' && /DeleteProcess|removeFile/.test(call.name);
      if (result !== 'failed') expect(result).toBe(3);
      each.rig.heal();
      const leftovers = excused ? [] : left(each.rig, each.id);
      await done(each);
      return leftovers.length > 0 ? [{ call, leftovers }] : [];
    });
    expect(wrong).toEqual([]);
  });
});

describe('A client that leaves', () => {
  it('has its command killed when the configuration says so', async () => {
    const { rig, id } = await arranged();
    rig.fake.world.onStart = () => undefined;
    const caller = new AbortController();
    const code = runStreaming(true)(rig, id, caller.signal);
    code.catch(() => undefined);
    const process = () => [...(rig.fake.state.tasks.get(id)?.execs.values() ?? [])][0];
    await until('it runs', () => process()?.status === 2);
    const running = process();
    caller.abort(new Error('gone'));
    await expect(code).rejects.toThrow('the client is gone');
    expect(running?.signals).toEqual([9]);
    expect(left(rig, id)).toEqual([]);
    await done({ rig });
  });

  it('while its command is being started has it killed once it has been', async () => {
    const { rig, id } = await arranged();
    const caller = new AbortController();
    const seen: number[][] = [];
    rig.fake.world.onStart = (process) => {
      if (process.execId === '') return;
      caller.abort(new Error('gone'));
      seen.push(process.signals as number[]);
    };
    await expect(runSync(rig, id, caller.signal)).rejects.toThrow('gone');
    expect(seen).toEqual([[9]]);
    expect(left(rig, id)).toEqual([]);
    await done({ rig });
  });
});
