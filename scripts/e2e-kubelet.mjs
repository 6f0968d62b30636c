// `make e2e-kubelet`: a real kubelet runs pods through crisp, on containerd 2.x and then on 1.6; STAGE=1.6 or 2.x runs
// one of them. What comes on the command line is jest's. The last line counts.
import { Tally } from './tally.mjs';

process.chdir(new URL('..', import.meta.url).pathname);
const { STAGE } = process.env;
if (STAGE && STAGE !== '1.6' && STAGE !== '2.x') throw new Error(`STAGE is 1.6 or 2.x, not ${STAGE}`);
const tally = new Tally();
const given = process.argv.slice(2);
// The tests mostly wait for kubelet, each file on a node of its own.
const options = given.length > 0 ? given : ['--maxWorkers=2'];
for (const stage of STAGE ? [STAGE] : ['2.x', '1.6']) {
  tally.jest('e2e', { name: `kubelet on containerd ${stage}`, options, env: { STAGE: stage } });
}
process.exit(tally.print());
