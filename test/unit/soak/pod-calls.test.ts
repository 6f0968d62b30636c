import { RpcCallError } from '../../../src/rpc/client/rpc-call-error';
import { Code } from '../../../src/rpc/code';
import { CallFailed, type CutOff, PodCalls } from '../../soak/pod-calls';
import { Done } from '../../support/counts';
import { Seeded } from '../../support/seeded';

const failure = (code: Code, message: string) => new RpcCallError(code, message, 'runtime.v1.RuntimeService/X');
const never = new Promise<never>(() => undefined);

function callsWith(victim?: CutOff): { calls: PodCalls; done: Done } {
  const done = new Done();
  return { calls: new PodCalls({ random: new Seeded(1), done }, victim), done };
}

/** Rejects with each of the errors in turn, then answers. */
function failing(...errors: Error[]): () => Promise<string> {
  return async () => {
    const error = errors.shift();
    if (error) throw error;
    return 'answer';
  };
}

describe('A call of a pod', () => {
  it('must succeed at once', async () => {
    const { calls } = callsWith();
    expect(await calls.call('StopPodSandbox', failing())).toBe('answer');
    await expect(calls.call('StopPodSandbox', failing(failure(Code.INTERNAL, 'x')))).rejects.toThrow(CallFailed);
  });

  it('is made again where a plugin was made to fail', async () => {
    const { calls, done } = callsWith();
    expect(await calls.call('RunPodSandbox', failing(failure(Code.UNKNOWN, 'CNI ADD: made to fail')))).toBe('answer');
    expect(done.rows()).toEqual([['calls that a CNI plugin failed: RunPodSandbox', 1]]);
  });

  it('is cut off once when it is the victim, and may be refused from then on', async () => {
    const { calls, done } = callsWith('StopContainer');
    const left = failure(Code.DEADLINE_EXCEEDED, 'left');
    const refused = failure(Code.FAILED_PRECONDITION, 'it is being stopped');
    expect(await calls.call('StopContainer', failing(left, refused))).toBe('answer');
    expect(calls.uncertain).toBe(true);
    expect(done.rows()).toEqual([
      ['calls cut off after 50 ms: StopContainer', 1],
      ['calls refused after one that was cut off: StopContainer', 1],
    ]);
    expect(await calls.call('StopContainer', failing())).toBe('answer');
  });

  it('that is cut off fails when it ends with anything else', async () => {
    const { calls } = callsWith('ExecSync');
    await expect(calls.cutOff('ExecSync', failing(failure(Code.INTERNAL, 'x')))).rejects.toThrow('to be cut off: x');
  });

  it('that is cut off may be faster', async () => {
    const { calls } = callsWith('CreateContainer');
    expect(await calls.call('CreateContainer', failing())).toBe('answer');
    expect(calls.uncertain).toBe(false);
  });

  it('is left after 50 ms by its deadline, or by its signal', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seen.size < 2; seed += 1) {
      const calls = new PodCalls({ random: new Seeded(seed), done: new Done() }, 'ExecSync');
      const answer = await calls.cutOff('ExecSync', ({ signal, timeoutMs }) => {
        seen.add(signal ? 'signal' : `deadline of ${timeoutMs}`);
        if (!signal) throw failure(Code.DEADLINE_EXCEEDED, 'the deadline has passed');
        return Promise.race([
          never,
          new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        ]);
      });
      expect(answer).toBeUndefined();
    }
    expect([...seen].sort()).toEqual(['deadline of 50', 'signal']);
  });
});
