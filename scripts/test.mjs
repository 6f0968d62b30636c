// `make test`: every check that needs no Go, each run to its end. The last line counts: a test is one, and so are
// lint, types and the generated code.
import { Tally } from './tally.mjs';

process.chdir(new URL('..', import.meta.url).pathname);
const tally = new Tally();
tally.check('lint', 'node_modules/.bin/biome', ['check', '.']);
tally.check('types', 'node_modules/.bin/tsc', ['--noEmit', '-p', 'tsconfig.json']);
tally.check('generated code', 'node', ['scripts/check-generated.mjs']);
tally.check('build', 'node', ['scripts/build.mjs']);
// They wait more than they compute: a worker for each processor, where jest would leave one idle.
tally.jest('unit', { options: ['--maxWorkers=100%'] });
tally.jest('integration', { options: ['--runInBand'] });
process.exit(tally.print());
