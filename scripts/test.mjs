// `make test`: every check that needs no Go, each run to its end. The last line counts: a test is one, and so are
// lint, types and the generated code.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

process.chdir(new URL('..', import.meta.url).pathname);
const scratch = mkdtempSync(join(tmpdir(), 'crisp-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

const run = (command, args) => spawnSync(command, args, { stdio: 'inherit' }).status === 0;

function check(name, command, args) {
  console.log(`\n== ${name}`);
  const passed = run(command, args);
  total[passed ? 'passed' : 'failed'] += 1;
  if (!passed) failures.push(name);
}

function jest(project, ...options) {
  console.log(`\n== ${project} tests`);
  const file = join(scratch, `${project}.json`);
  const args = ['--selectProjects', project, '--passWithNoTests', '--json', `--outputFile=${file}`, ...options];
  const passed = run('node_modules/.bin/jest', args);
  const results = readResults(file);
  if (results === undefined) return void note(`${project} tests (jest did not finish)`);
  total.passed += results.numPassedTests;
  total.failed += results.numFailedTests;
  total.skipped += results.numPendingTests + results.numTodoTests;
  for (const suite of results.testResults) {
    const failed = suite.assertionResults.filter(({ status }) => status === 'failed');
    failures.push(...failed.map(({ fullName }) => `${project}: ${fullName}`));
    // A file that does not even load has no tests to count.
    if (suite.status === 'failed' && failed.length === 0) note(`${project}: ${suite.name}`);
  }
  if (!passed && results.success) note(`${project} tests (jest failed)`);
}

function note(failure) {
  total.failed += 1;
  failures.push(failure);
}

function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

try {
  check('lint', 'node_modules/.bin/biome', ['check', '.']);
  check('types', 'node_modules/.bin/tsc', ['--noEmit', '-p', 'tsconfig.json']);
  check('generated code', 'node', ['scripts/check-generated.mjs']);
  check('build', 'node', ['scripts/build.mjs']);
  jest('unit');
  jest('integration', '--runInBand');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log('');
for (const failure of failures) console.log(`failed: ${failure}`);
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
