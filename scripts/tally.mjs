// Runs checks and jest projects to their end and counts: a test is one, and so is a check.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Tally {
  total = { passed: 0, failed: 0, skipped: 0 };
  failures = [];
  scratch = mkdtempSync(join(tmpdir(), 'crisp-test-'));

  /** One check: a command that ends well or does not. */
  check(name, command, args) {
    console.log(`\n== ${name}`);
    const passed = run(command, args);
    this.total[passed ? 'passed' : 'failed'] += 1;
    if (!passed) this.failures.push(name);
  }

  /** Every test of a jest project; `options` are jest's, `env` goes on top of ours. */
  jest(project, { name = project, options = [], env = {} } = {}) {
    console.log(`\n== ${name} tests`);
    const file = join(this.scratch, 'results.json');
    rmSync(file, { force: true });
    const args = ['--selectProjects', project, '--passWithNoTests', '--json', `--outputFile=${file}`, ...options];
    const passed = run('node_modules/.bin/jest', args, env);
    const results = readResults(file);
    if (results === undefined) return void this.note(`${name} tests (jest did not finish)`);
    this.total.passed += results.numPassedTests;
    this.total.failed += results.numFailedTests;
    this.total.skipped += results.numPendingTests + results.numTodoTests;
    for (const suite of results.testResults) {
      const failed = suite.assertionResults.filter(({ status }) => status === 'failed');
      this.failures.push(...failed.map(({ fullName }) => `${name}: ${fullName}`));
      // A file that does not even load has no tests to count.
      if (suite.status === 'failed' && failed.length === 0) this.note(`${name}: ${suite.name}`);
    }
    if (!passed && results.success) this.note(`${name} tests (jest failed)`);
  }

  /** Prints what failed and, last, the counts; answers the exit code. */
  print() {
    rmSync(this.scratch, { recursive: true, force: true });
    console.log('');
    for (const failure of this.failures) console.log(`failed: ${failure}`);
    const { passed, failed, skipped } = this.total;
    if (skipped > 0) console.log(`${skipped} skipped`);
    console.log(`${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  }

  note(failure) {
    this.total.failed += 1;
    this.failures.push(failure);
  }
}

function run(command, args, env = {}) {
  return spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status === 0;
}

function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
