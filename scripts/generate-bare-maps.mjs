/**
 * Makes every map in generated/ an object without a prototype: on one that has it, `map['__proto__'] = value` sets the
 * prototype and keeps no key, and `map['constructor']` answers a function. ts-proto has no option for it. Runs behind `buf generate`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(fileURLToPath(new URL('..', import.meta.url)), 'generated');
const BARE = 'globalThis.Object.create(null)';

/** What ts-proto begins a message with; of its members only maps are `{}`. */
const BASE = /^function createBase\w+\(\)[\s\S]*?^\}$/gm;
/** What fromPartial begins the copy of a map with. */
const REDUCED = /(\.reduce\(\n\s+\(acc: \{ \[key: \w+\]: [\s\S]*?\n\s+\},\n\s+)\{\}(,\n\s+\);)/g;
/** A map in the interface of a message. */
const DECLARED = /^ {2}\w+: \{ \[key: \w+\]: .* \};$/gm;

const count = (text, pattern) => [...text.matchAll(pattern)].length;

for (const entry of readdirSync(ROOT, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const before = readFileSync(path, 'utf8');
  let bases = 0;
  const based = before.replace(BASE, (text) =>
    text.replace(/(\w+: )\{\}/g, (_, name) => {
      bases += 1;
      return `${name}${BARE}`;
    }),
  );
  const reduced = count(based, REDUCED);
  const maps = count(before, DECLARED);
  if (bases !== maps || reduced !== maps) throw new Error(`${path}: ${maps} maps, ${bases} begun, ${reduced} copied`);
  if (maps > 0) writeFileSync(path, based.replace(REDUCED, `$1${BARE}$2`));
}
