import { readdirSync } from 'node:fs';
import { ExecSyncRequest } from '../../../../generated/cri/v1/api';
import { silentLogger } from '../../../../src/base/logger';
import { Retries } from '../../../../src/base/work/retry-queue';
import { execSync } from '../../../../src/cri/container/exec-sync';
import type { SpecProcess } from '../../../../src/model/spec';
import { Code } from '../../../../src/rpc/code';
import { ExecIo } from '../../../../src/stdio/exec-io';
import { until } from '../../../support/daemon/process';
import { arrange, callsOf, MISHAPS, type Mishap, type OutwardCall, tryEach } from '../../../support/each-call';
import type { FakeProcess } from '../../../support/fake/fake-process';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';
import { removeAll, useRig } from '../../../support/use-rig';

const rig = useRig({ config: 'drain_exec_sync_io_timeout = "1s"' });

function exec(one: StoryRig, containerId: string, request: Partial<ExecSyncRequest> = {}, signal?: AbortSignal) {
  const full = ExecSyncRequest.fromPartial({ containerId, cmd: ['true'], timeout: 0n, ...request });
  return execSync(one.deps, full, one.call(signal));
}

/** Has every exec do this when it starts. */
function onExec(one: StoryRig, act: (process: FakeProcess) => void): void {
  one.fake.world.onStart = (process) => {
    if (process.execId !== '') act(process);
  };
}

/** Execs in the daemon, and FIFOs of theirs. */
function left(one: StoryRig, id: string): unknown[] {
  const names = readdirSync(one.deps.paths.io(id)).filter((name) => !name.startsWith(id));
  return [...(one.fake.leftovers().execs ?? []), ...names];
}

async function running(one: StoryRig): Promise<string> {
  return (await runContainer(one, await runPod(one))).metadata.id;
}

describe('ExecSync', () => {
  it('answers output and exit code, and leaves no process behind', async () => {
    const id = await running(rig.now);
    onExec(rig.now, (process) => {
      process.write('stdout', Buffer.from([0x6f, 0x75, 0x74, 0xff, 0x00]));
      process.write('stderr', 'err');
      process.exit(7);
    });
    expect(await exec(rig.now, id)).toEqual({
      stdout: Buffer.from([0x6f, 0x75, 0x74, 0xff, 0x00]),
      stderr: Buffer.from('err'),
      exitCode: 7,
    });
    expect(left(rig.now, id)).toEqual([]);
  });

  it('fails with RESOURCE_EXHAUSTED when its output was cut for what other commands print, and leaves nothing', async () => {
    const id = await running(rig.now);
    const deps = { ...rig.now.deps, execIo: new ExecIo({ all: 20_000, each: 20_000, own: 1000 }) };
    const print = (bytes: number) => {
      onExec(rig.now, (process) => {
        process.write('stdout', Buffer.alloc(bytes, 'x'));
        process.exit(0);
      });
      return execSync(deps, ExecSyncRequest.fromPartial({ containerId: id, cmd: ['true'] }), rig.now.call());
    };
    expect((await print(20_000)).stdout).toHaveLength(20_000);
    await expect(print(20_001)).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    expect(left(rig.now, id)).toEqual([]);
  });

  it('asks the daemon for the record only after a restart', async () => {
    const id = await running(rig.now);
    onExec(rig.now, (process) => process.exit(0));
    const asked = (): number => rig.now.fake.calls.filter((call) => call.endsWith('Containers/Get')).length;
    const before = asked();
    await exec(rig.now, id);
    expect(asked()).toBe(before);
    const container = rig.now.deps.containers.get(id);
    if (container) container.process = undefined;
    for (const _ of [1, 2]) await exec(rig.now, id);
    expect(asked()).toBe(before + 1);
  });

  it('runs the command as the process of the container would run', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now), {
      workingDir: '/srv',
      envs: [{ key: 'A', value: Buffer.from('1') }],
    });
    let ran: SpecProcess | undefined;
    onExec(rig.now, (process) => {
      ran = JSON.parse(process.facts.spec?.value.toString() ?? '') as SpecProcess;
      process.exit(0);
    });
    await exec(rig.now, container.metadata.id, { cmd: ['sh', '-c', 'id'] });
    expect(ran).toMatchObject({ args: ['sh', '-c', 'id'], cwd: '/srv' });
    expect(ran?.terminal).toBeUndefined();
    expect(ran?.env).toContain('A=1');
  });

  it('kills a command that takes longer than its timeout, and says so by the code that kubelet knows', async () => {
    const id = await running(rig.now);
    const started: FakeProcess[] = [];
    onExec(rig.now, (process) => void started.push(process));
    const tooSlow = () => expect(exec(rig.now, id, { timeout: 1n })).rejects.toMatchObject({ name: 'DeadlineError' });
    // The time may be up before the command was started: then once more.
    do await tooSlow();
    while (started.length === 0);
    expect(started.map(({ signals }) => signals)).toEqual([[9]]);
    expect(left(rig.now, id)).toEqual([]);
  });

  it.each([
    ['Tasks/Exec', true],
    ['Tasks/Start', true],
    ['Tasks/Kill', false],
    ['Tasks/DeleteProcess', false],
  ])('fails in its time when the shim hangs at %s, and puts the process away later', async (method, afterEffect) => {
    const id = await running(rig.now);
    onExec(rig.now, () => undefined);
    const retries = new Retries(silentLogger, { firstMs: 10, maxMs: 10 });
    const deps = { ...rig.now.deps, retries };
    rig.now.fake.fail(method, { nth: 'always', hang: true, afterEffect });
    const request = ExecSyncRequest.fromPartial({ containerId: id, cmd: ['true'], timeout: 1n });
    const began = performance.now();
    await expect(execSync(deps, request, rig.now.call())).rejects.toMatchObject({ name: 'DeadlineError' });
    expect(performance.now() - began).toBeLessThan(8000);
    rig.now.heal();
    await until('nothing is left', 45_000, async () => left(rig.now, id).length === 0);
    retries.stop();
  });

  it('kills a command whose caller leaves', async () => {
    const id = await running(rig.now);
    const caller = new AbortController();
    const started: FakeProcess[] = [];
    onExec(rig.now, (process) => {
      started.push(process);
      caller.abort(new Error('gone'));
    });
    await expect(exec(rig.now, id, {}, caller.signal)).rejects.toThrow('gone');
    expect(started.map(({ signals }) => signals)).toEqual([[9]]);
    expect(left(rig.now, id)).toEqual([]);
  });

  it.each([
    ['no command', { cmd: [] }, 'cmd: is empty'],
    ['a negative timeout', { timeout: -1n }, 'timeout: is negative'],
    ['no container', { containerId: '' }, 'container_id: is empty'],
  ])('refuses %s', async (_what, request, message) => {
    const id = await running(rig.now);
    await expect(exec(rig.now, id, request)).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, message });
  });

  it('refuses a container that does not run, and one that is not there', async () => {
    const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
    await expect(exec(rig.now, id)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await expect(exec(rig.now, 'absent')).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  it.each(MISHAPS)('leaves no process behind, whichever call %s', async (mishap) => {
    const learner = await StoryRig.start();
    const id = await running(learner);
    const calls = await callsOf(learner, () => exec(learner, id));
    await learner.close();
    expect(calls.length).toBeGreaterThan(4);
    expect(await tryEach(calls, (call) => outcome(call, mishap))).toEqual([]);
  });
});

/** Runs a command with one mishap; what is wrong afterwards. A delete that is refused leaves what containerd alone knows of. */
async function outcome(call: OutwardCall, mishap: Mishap): Promise<unknown[]> {
  const one = await StoryRig.start();
  try {
    const id = await running(one);
    const signal = arrange(one, call, mishap);
    await exec(one, id, {}, signal).catch(() => undefined);
    one.heal();
    const execs = one.fake.leftovers().execs ?? [];
    const at = `${call.name} ${call.nth}`;
    const wrong =
      execs.length > 0 && !(/DeleteProcess/.test(call.name) && mishap === 'is refused') ? [{ at, execs }] : [];
    await removeAll(one);
    const rest = await one.leftovers();
    return Object.keys(rest).length > 0 ? [...wrong, { at, rest }] : wrong;
  } finally {
    await one.close();
  }
}
