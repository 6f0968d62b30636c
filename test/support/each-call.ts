import { Limit } from '../../src/base/work/limit';
import { Code } from '../../src/rpc/code';
import { RpcError } from '../../src/rpc/rpc-error';
import type { StoryRig } from './story-rig';

/** One call that a story makes to the daemon, the machine, CNI or stdio: the `nth` of its name. */
export interface OutwardCall {
  readonly to: 'containerd' | 'machine';
  readonly name: string;
  readonly nth: number;
}

/** How a call goes wrong. */
export type Mishap = 'is refused' | 'takes effect but its answer is lost' | 'outlives its caller';
export const MISHAPS: readonly Mishap[] = ['is refused', 'takes effect but its answer is lost', 'outlives its caller'];

/** Every outward call that `story` makes, learned by running it. */
export async function callsOf(rig: StoryRig, story: () => Promise<unknown>): Promise<OutwardCall[]> {
  const before = { containerd: rig.fake.calls.length, machine: rig.faults.calls.length };
  await story();
  const daemon = numbered('containerd', rig.fake.calls.slice(before.containerd));
  return [...daemon, ...numbered('machine', rig.faults.calls.slice(before.machine))];
}

/** Arranges the mishap; the answer is the signal to call the story with. */
export function arrange(rig: StoryRig, { to, name, nth }: OutwardCall, mishap: Mishap): AbortSignal {
  const caller = new AbortController();
  const gone = new RpcError(Code.CANCELLED, 'the caller has gone');
  const leave = { nth, passes: true, hit: () => caller.abort(gone) };
  const fault = { nth, afterEffect: mishap === 'takes effect but its answer is lost' };
  if (to === 'containerd') rig.fake.fail(name, mishap === 'outlives its caller' ? leave : fault);
  else rig.faults.fail(name, mishap === 'outlives its caller' ? leave : fault);
  return caller.signal;
}

/** Tries every call on a rig of its own, some at a time; the answer is all that was wrong. */
export async function tryEach(
  calls: readonly OutwardCall[],
  attempt: (call: OutwardCall) => Promise<unknown[]>,
): Promise<unknown[]> {
  const limit = new Limit(8);
  return (await Promise.all(calls.map((call) => limit.run(() => attempt(call))))).flat();
}

function numbered(to: OutwardCall['to'], names: readonly string[]): OutwardCall[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    return { to, name, nth };
  });
}
