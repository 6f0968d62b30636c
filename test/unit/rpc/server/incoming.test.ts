import { silentLogger } from '../../../../src/base/logger';
import { noMetrics } from '../../../../src/base/metrics';
import { Code } from '../../../../src/rpc/code';
import { Incoming } from '../../../../src/rpc/server/incoming';
import { simpleStatus, untilAborted } from '../rpc-rig';

const HOUR_MS = 3_600_000;

afterEach(() => jest.restoreAllMocks());

/** The code of a call with ten minutes to go, whose caller leaves when the clock of the wall has been set by so much. */
async function codeAfter(setByMs: number): Promise<Code | undefined> {
  const began = Date.now();
  let leave: () => void = () => undefined;
  const caller = {
    deadline: began + HOUR_MS / 6,
    header: () => undefined,
    onGone: (listener: () => void) => {
      leave = listener;
    },
  };
  const options = { log: silentLogger, metrics: noMetrics, toStatus: simpleStatus };
  const incoming = new Incoming({ method: 'Version', id: 1, caller }, false, options);
  const outcome = incoming.run(({ signal }) => untilAborted(signal));
  jest.spyOn(Date, 'now').mockReturnValue(began + setByMs);
  leave();
  const end = await outcome;
  return end.ok ? undefined : end.status.code;
}

describe('A call whose caller leaves', () => {
  it.each([0, HOUR_MS, -HOUR_MS])('before its deadline is CANCELLED, with the clock set by %d ms', async (setByMs) => {
    expect(await codeAfter(setByMs)).toBe(Code.CANCELLED);
  });
});
