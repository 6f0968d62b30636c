// `make e2e-kubelet`: a real kubelet runs pods through crisp, with a pause task in each on containerd 2.x and on 1.6, and with
// pause tasks only where one is needed on 2.x; with ALL=1 so on each, and on 1.7 and 2.3 besides. STAGE=1.6, 1.7, 2.3 or 2.x
// runs one containerd, INFRA=always or auto one of the modes on each. What comes on the command line is jest's. The last
// line counts.
import { execFileSync } from 'node:child_process';
import { runTypeScript } from './run-typescript.mjs';
import { Tally } from './tally.mjs';

process.chdir(new URL('..', import.meta.url).pathname);
const { INFRA, ALL } = process.env;
if (INFRA && INFRA !== 'always' && INFRA !== 'auto') throw new Error(`INFRA is always or auto, not ${INFRA}`);
const { stagesAsked, toolsFor } = await runTypeScript('test/support/stages.ts');
// The newest first: what is wrong with crisp shows on it.
const stages = [...stagesAsked()].reverse();
// Before the tests, which have time limits.
execFileSync('test/tools/build.sh', ['kubelet', ...toolsFor(stages)], { stdio: ['ignore', 'ignore', 'inherit'] });
const tally = new Tally();
const given = process.argv.slice(2);
// The tests mostly wait for kubelet, each file on a node of its own.
const options = given.length > 0 ? given : ['--maxWorkers=2'];
for (const { stage, infra } of runs()) {
  const name = `kubelet on containerd ${stage}${infra === 'auto' ? ', pause tasks only where needed' : ''}`;
  tally.jest('e2e', { name, options, env: { STAGE: stage, INFRA: infra } });
}
process.exit(tally.print());

function runs() {
  return ['always', 'auto']
    .flatMap((infra) => stages.map((stage) => ({ stage, infra })))
    .filter(({ stage, infra }) => (INFRA ? infra === INFRA : infra === 'always' || stage === '2.x' || ALL === '1'));
}
