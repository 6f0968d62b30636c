import { ExecSyncRequest } from '../../../../generated/cri/v1/api';
import { execSync } from '../../../../src/cri/container/exec-sync';
import { toStatus } from '../../../../src/cri/errors';
import { Code } from '../../../../src/rpc/code';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { useRig } from '../../../support/use-rig';

const rig = useRig();

async function running() {
  const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
  const run = (request: { cmd?: string[]; timeout?: bigint } = {}, signal?: AbortSignal) => {
    const full = ExecSyncRequest.fromPartial({ containerId: id, cmd: ['date'], ...request });
    return execSync(rig.now.deps, full, rig.now.call(signal));
  };
  return { id, run };
}

describe('ExecSync', () => {
  it('answers both outputs and the exit code', async () => {
    const { run } = await running();
    rig.now.fake.world.onStart = (process) => {
      process.write('stdout', 'out');
      process.write('stderr', 'err');
      process.exit(7);
    };
    const { stdout, stderr, exitCode } = await run();
    expect([String(stdout), String(stderr), exitCode]).toEqual(['out', 'err', 7]);
  });

  it('kills a command that takes longer than its timeout, and tells so as kubelet knows it', async () => {
    const { run } = await running();
    const signals: number[][] = [];
    rig.now.fake.world.onStart = (process) => signals.push(process.signals as number[]);
    const error = await run({ timeout: 1n }).catch((thrown: unknown) => thrown);
    expect(toStatus(error, rig.now.call()).code).toBe(Code.DEADLINE_EXCEEDED);
    expect(signals).toEqual([[9]]);
  });

  it('kills a command whose caller has left', async () => {
    const { run } = await running();
    const caller = new AbortController();
    const signals: number[][] = [];
    rig.now.fake.world.onStart = (process) => {
      signals.push(process.signals as number[]);
      setTimeout(() => caller.abort(new Error('gone')), 5);
    };
    await expect(run({}, caller.signal)).rejects.toThrow('gone');
    expect(signals).toEqual([[9]]);
  });

  it('refuses an empty command and a negative timeout', async () => {
    const { run } = await running();
    await expect(run({ cmd: [] })).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    await expect(run({ timeout: -1n })).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it('refuses a container that does not run', async () => {
    const { metadata } = await makeContainer(rig.now, await runPod(rig.now));
    const request = ExecSyncRequest.fromPartial({ containerId: metadata.id, cmd: ['date'] });
    await expect(execSync(rig.now.deps, request, rig.now.call())).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
    });
  });
});
