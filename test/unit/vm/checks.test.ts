import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { countLine, lineOf, type Outcome, readChecks, runCheck } from '../../vm/checks';
import { cgroupVersion, type Ended } from '../../vm/machine';

const VM = resolve(__dirname, '../../vm');
const check = { name: 'limits', about: 'limits hold' };

/** A machine in which every command ends so. */
const machine = (ended: Ended) => ({ commands: [] as string[], ended });
const run = (of: ReturnType<typeof machine>) => ({
  run: async (command: string) => {
    of.commands.push(command);
    return of.ended;
  },
});

describe('the checks of make vm', () => {
  const checks = readChecks(join(VM, 'checks'));

  it('are found, each with what it is about', () => {
    expect(checks.map(({ name }) => name)).toEqual([...checks.map(({ name }) => name)].sort());
    expect(checks.length).toBeGreaterThanOrEqual(6);
  });

  it.each(checks)('$name is a script that begins with what all share', ({ name }) => {
    const file = join(VM, 'checks', `${name}.sh`);
    expect(readFileSync(file, 'utf8').split('\n')[1]).toBe('. /opt/checks/lib.sh');
    execFileSync('bash', ['-n', file]);
  });

  it.each(['base.sh', 'disk.sh', 'run.sh', 'ensure-packages.sh', 'guest/opt/checks/lib.sh'])(
    '%s can be read',
    (file) => {
      execFileSync('bash', ['-n', join(VM, file)]);
    },
  );
});

it('CGROUP is one of the two versions of cgroups, or make vm ends at once', () => {
  expect([cgroupVersion('v1'), cgroupVersion('v2')]).toEqual(['v1', 'v2']);
  expect(() => cgroupVersion('v3')).toThrow('CGROUP is v3; it may be v1 or v2');
});

describe('readChecks', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'checks-'));
    writeFileSync(join(dir, 'b.sh'), '# second\n. /opt/checks/lib.sh\n');
    writeFileSync(join(dir, 'a.sh'), '# first\n');
    writeFileSync(join(dir, 'notes.md'), '# none\n');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('takes every script of the folder, by name', () => {
    expect(readChecks(dir)).toEqual([
      { name: 'a', about: 'first' },
      { name: 'b', about: 'second' },
    ]);
  });

  it('takes those that are asked for', () => expect(readChecks(dir, /^b/).map(({ name }) => name)).toEqual(['b']));

  it('refuses one that does not say what it is about', () => {
    writeFileSync(join(dir, 'c.sh'), '#!/bin/bash\n# third\n');
    expect(() => readChecks(dir)).toThrow('c.sh: its first line is a comment');
  });
});

describe('runCheck', () => {
  it.each([
    ['passed', 0, 'noise\n20 of 20\n\n', ['noise', '20 of 20']],
    ['failed', 1, '19 of 20\n', ['19 of 20']],
    ['skipped', 77, 'no AppArmor\n', ['no AppArmor']],
    ['failed', 124, 'half\n', ['half', 'not within 1800 s']],
    ['failed', 255, '', []],
  ])('has %s when the script ends with code %i', async (state, code, output, lines) => {
    const there = machine({ code, output });
    expect(await runCheck(run(there), check)).toMatchObject({ check, state, lines });
    expect(there.commands).toEqual(['timeout --kill-after=30 1800 bash /opt/checks/limits.sh 2>&1']);
  });
});

describe('what is printed', () => {
  const outcome = (state: Outcome['state'], lines: string[] = []): Outcome => ({ check, state, seconds: 7, lines });

  it('is a line for each check, with its last words', () => {
    expect(lineOf(outcome('passed', ['noise', '20 of 20']))).toBe('passed   limits: limits hold: 20 of 20 (7 s)');
    expect(lineOf(outcome('failed'))).toBe('failed   limits: limits hold: it printed nothing (7 s)');
  });

  it('ends with the counts', () => {
    expect(countLine([outcome('passed'), outcome('failed'), outcome('passed')], 3)).toBe('2 passed, 1 failed');
    expect(countLine([outcome('skipped')], 1)).toBe('0 passed, 0 failed, 1 skipped');
    expect(countLine([outcome('passed')], 3)).toBe('1 passed, 2 failed');
  });
});
