import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { checkout } from '../support/daemon/places';

let dir: string;
let bin: string;

/** The built program as it is installed, and a PATH on which it finds `node`. */
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-installed-'));
  bin = join(dir, 'path');
  for (const folder of ['dist', 'path']) mkdirSync(join(dir, folder));
  for (const file of ['bin/crisp', 'dist/crisp.js']) cpSync(join(checkout(), file), join(dir, file));
  symlinkSync(process.execPath, join(bin, 'node'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const start = (): SpawnSyncReturns<string> =>
  spawnSync(join(dir, 'bin/crisp'), ['version'], { encoding: 'utf8', env: { PATH: bin } });

/** Exit codes after which the unit has failed and is not started again. */
function finalCodes(): number[] {
  const unit = readFileSync(join(checkout(), 'packaging/systemd/crisp.service'), 'utf8');
  return (/^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1] ?? '').split(' ').map(Number);
}

/** A `node` that wants a library which is not there, as Node 26 wants libatomic.so.1 on a minimal machine. */
function withoutLibrary(): void {
  const source = join(dir, 'empty.c');
  const library = join(dir, 'libmissing.so.1');
  writeFileSync(source, 'int missing(void) { return 0; }\n');
  execFileSync('gcc', ['-shared', '-fPIC', '-Wl,-soname,libmissing.so.1', '-o', library, source]);
  writeFileSync(source, 'int missing(void); int main(void) { return missing(); }\n');
  rmSync(join(bin, 'node'));
  execFileSync('gcc', ['-o', join(bin, 'node'), source, library]);
  rmSync(library);
}

function notExecutable(): void {
  rmSync(join(bin, 'node'));
  writeFileSync(join(bin, 'node'), '', { mode: 0o644 });
}

describe('The unit is not started again by', () => {
  const bundle = (): string => join(dir, 'dist/crisp.js');

  it.each([
    ['a machine without Node', () => rmSync(join(bin, 'node')), 127, 'No such file or directory'],
    ['a Node that lacks a library', withoutLibrary, 127, 'error while loading shared libraries: libmissing.so.1'],
    ['a Node that may not be executed', notExecutable, 126, 'Permission denied'],
    ['a program without its bundle', () => rmSync(bundle()), 127, 'dist/crisp.js is not there; "make build" makes it'],
    ['a bundle that is torn', () => truncateSync(bundle(), 100_000), 127, 'dist/crisp.js is not whole: '],
  ])('%s', (_what, spoil, code, words) => {
    expect(start()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^crisp \d/) });
    spoil();
    expect(start()).toMatchObject({ status: code, stderr: expect.stringContaining(words) });
    expect(finalCodes()).toContain(code);
  });

  it('an older Node than crisp runs on, which is told so', () => {
    const change = join(dir, 'older.js');
    writeFileSync(change, "Object.defineProperty(process.versions, 'node', { value: '18.19.0' });\n");
    const ran = spawnSync(process.execPath, ['--require', change, join(dir, 'bin/crisp'), 'version'], {
      encoding: 'utf8',
    });
    expect(ran).toMatchObject({
      status: 127,
      stdout: '',
      stderr: 'crisp: Node 20 or newer is needed, and this is 18.19.0\n',
    });
  });
});
