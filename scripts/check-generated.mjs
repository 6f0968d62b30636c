// Generates again and fails when generated/ was not what protos/ make: somebody edited it, or forgot `make generate`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = () => {
  const files = readdirSync('generated', { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return new Map(names.map((name) => [name, createHash('sha256').update(readFileSync(name)).digest('hex')]));
};

process.chdir(new URL('..', import.meta.url).pathname);
const before = read();
execFileSync('npm', ['run', '--silent', 'generate'], { stdio: 'inherit' });
const after = read();
const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
  (name) => before.get(name) !== after.get(name),
);
for (const name of changed) console.error(`not what protos/ make: ${name}`);
process.exit(changed.length === 0 ? 0 : 1);
