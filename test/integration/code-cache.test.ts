import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { checkout } from '../support/daemon/places';

let dir: string;
const cache = () => join(dir, 'dist/crisp.js.cache');

/** The built program as it is installed, in a folder of its own. */
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-installed-'));
  mkdirSync(join(dir, 'dist'));
  for (const file of ['bin/crisp', 'dist/crisp.js', 'dist/crisp.js.cache'])
    cpSync(join(checkout(), file), join(dir, file));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const version = () => spawnSync(process.execPath, [join(dir, 'bin/crisp'), 'version'], { encoding: 'utf8' });
const expected = expect.objectContaining({ status: 0, stdout: expect.stringMatching(/^crisp \d/), stderr: '' });

describe('bin/crisp', () => {
  it('finds what the build compiled of this very bundle', () => {
    const digest = createHash('sha256')
      .update(readFileSync(join(dir, 'dist/crisp.js')))
      .digest();
    const stored = readFileSync(cache());
    expect(stored.subarray(0, 32).equals(digest)).toBe(true);
    expect(stored.length).toBeGreaterThan(500_000);
    expect(version()).toEqual(expected);
  });

  it('runs a bundle that was changed since, by its new source', () => {
    const bundle = join(dir, 'dist/crisp.js');
    // Of the same length, which is all that V8 would notice.
    writeFileSync(bundle, readFileSync(bundle, 'utf8').replace(/crisp \$\{/, 'krisp ${'));
    expect(version()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^krisp \d/) });
  });

  it.each([
    ['no', () => rmSync(cache())],
    ['an empty', () => writeFileSync(cache(), '')],
    ['half a', () => writeFileSync(cache(), readFileSync(cache()).subarray(0, 100_000))],
    [
      "another release's",
      () => writeFileSync(cache(), Buffer.concat([readFileSync(cache()).subarray(0, 32), Buffer.alloc(4096, 7)])),
    ],
  ])('does with %s cache', (_, spoil) => {
    spoil();
    expect(version()).toEqual(expected);
  });
});
