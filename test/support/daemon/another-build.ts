import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkout } from './places';

/** Builds crisp once more from a copy of its sources below `dir`, under another version; answers the program's path. */
export function anotherBuild(dir: string, version: string): string {
  const copy = join(dir, `crisp-${version}`);
  mkdirSync(copy);
  for (const name of ['src', 'generated', 'scripts', 'data', 'tsconfig.json'])
    cpSync(join(checkout(), name), join(copy, name), { recursive: true });
  symlinkSync(join(checkout(), 'node_modules'), join(copy, 'node_modules'));
  const described = JSON.parse(readFileSync(join(checkout(), 'package.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...described, version }));
  execFileSync(process.execPath, [join(copy, 'scripts/build.mjs')], { cwd: copy, stdio: ['ignore', 'ignore', 'pipe'] });
  return join(copy, 'dist/crisp.js');
}
