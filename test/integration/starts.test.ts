import { runCampaign } from '../starts/campaign';
import { isOk, reportOf } from '../starts/report';
import { isAtHand } from '../support/daemon/containerd';

const SECOND = 1000;
/** The rows are the same in each run, so that a failure is one of the change. `make starts` draws others. */
const SEED = 20_261_201;

describe.each((['1.6', '2'] as const).filter(isAtHand))(
  'A start on containerd %s in which something goes wrong',
  (version) => {
    it(
      'harms no pod, tells kubelet nothing wrong, and all is right once the fault has gone',
      async () => {
        const outcomes = await runCampaign({
          version,
          seed: SEED,
          rows: 32,
          pace: { lastsMs: 2500, neverMs: 4000 },
          atOnce: 2,
          tell: () => undefined,
        });
        expect(outcomes.filter((each) => !isOk(each)).map(reportOf)).toEqual([]);
      },
      1200 * SECOND,
    );
  },
);
