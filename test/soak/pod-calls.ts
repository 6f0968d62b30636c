import { setTimeout as pause } from 'node:timers/promises';

import { errorMessage } from '../../src/base/errors';
import type { OutgoingOptions } from '../../src/rpc/client/client';
import { RpcCallError } from '../../src/rpc/client/rpc-call-error';
import { Code } from '../../src/rpc/code';
import { CALL_MS, type Ground } from './ground';

/** What a plugin says that was made to fail. */
const MADE_TO_FAIL = 'made to fail';
const CUT_AFTER_MS = 50;
const [PATIENCE_MS, RETRY_MS] = [30_000, 200] as const;

/** Calls of which one in the life of some pods is cut off. */
export const CUT_OFF = [
  'RunPodSandbox',
  'CreateContainer',
  'StartContainer',
  'StopContainer',
  'RemoveContainer',
  'StopPodSandbox',
  'RemovePodSandbox',
  'ExecSync',
] as const;
export type CutOff = (typeof CUT_OFF)[number];

/** A call failed, and nothing had been arranged that may fail it. */
export class CallFailed extends Error {}

type Act<T> = (options: OutgoingOptions) => Promise<T>;

/** The calls of one pod's life. Each must succeed at once, except where something was made to go wrong. */
export class PodCalls {
  /** A call of this life was cut off: what it asked for may have happened, not happened, or be on its way. */
  uncertain = false;

  /** `victim` is cut off when it is made for the first time. */
  constructor(
    private readonly ground: Pick<Ground, 'random' | 'done'>,
    private victim: CutOff | undefined,
  ) {}

  /** Whether this call is to be cut off, once. */
  isVictim(name: string): boolean {
    return this.victim === name;
  }

  /** Makes a call; where it may fail for what was arranged, as kubelet does: again and again. Rejects with CallFailed. */
  async call<T>(name: string, act: Act<T>): Promise<T> {
    if (this.isVictim(name)) {
      const answer = await this.cutOff(name, act);
      if (answer) return answer.value;
      this.uncertain = true;
    }
    for (const limit = Date.now() + PATIENCE_MS; ; await pause(RETRY_MS)) {
      try {
        return await act({ timeoutMs: CALL_MS });
      } catch (error) {
        if (Date.now() > limit || !this.mayFail(name, error)) throw new CallFailed(`${name}: ${errorMessage(error)}`);
      }
    }
  }

  /** Makes a call that is left after 50 ms, by its own deadline or as a caller that goes. Undefined when it was not answered. */
  async cutOff<T>(name: string, act: Act<T>): Promise<{ readonly value: T } | undefined> {
    const { random, done } = this.ground;
    this.victim = undefined;
    const leaves = random.next() < 0.5;
    try {
      const options = leaves ? { signal: AbortSignal.timeout(CUT_AFTER_MS) } : { timeoutMs: CUT_AFTER_MS };
      const value = await act(options);
      done.add(`calls faster than they were to be cut off: ${name}`);
      return { value };
    } catch (error) {
      if (!wasCutOff(error)) throw new CallFailed(`${name}, to be cut off: ${errorMessage(error)}`);
      done.add(`calls cut off after ${CUT_AFTER_MS} ms: ${name}`);
      return undefined;
    }
  }

  private mayFail(name: string, error: unknown): boolean {
    if (errorMessage(error).includes(MADE_TO_FAIL)) {
      this.ground.done.add(`calls that a CNI plugin failed: ${name}`);
      return true;
    }
    if (this.uncertain) this.ground.done.add(`calls refused after one that was cut off: ${name}`);
    return this.uncertain;
  }
}

/** An abort signal's own reason, or the status of a call that ended before its answer. */
function wasCutOff(error: unknown): boolean {
  if (!(error instanceof RpcCallError)) return (error as Partial<Error>).name === 'TimeoutError';
  return error.code === Code.DEADLINE_EXCEEDED || error.code === Code.CANCELLED;
}
