/**
 * Makes KeyValue of generated/cri light to decode: a container may have 65,536 variables. A value that the reader gives as a
 * Buffer is not copied, and the empty value is made once. ts-proto has no option for it. Runs behind `buf generate`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../generated/cri/v1/api.ts', import.meta.url));
const MESSAGE = /^function createBaseKeyValue\(\)[\s\S]*?(?=^function createBase)/m;
const CHANGES = [
  ['return { key: "", value: Buffer.alloc(0) };', 'return { key: "", value: NO_VALUE };'],
  [
    'message.value = Buffer.from(reader.bytes());',
    'const bytes = reader.bytes();\n            message.value = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);',
  ],
];

const before = readFileSync(FILE, 'utf8');
const after = before.replace(MESSAGE, (text) => {
  const changed = CHANGES.reduce((all, [from, to]) => {
    if (all.split(from).length !== 2) throw new Error(`KeyValue has no ${from}`);
    return all.replace(from, to);
  }, text);
  return `const NO_VALUE: Buffer = Buffer.alloc(0);\n\n${changed}`;
});
if (after === before) throw new Error('the CRI has no KeyValue');
writeFileSync(FILE, after);
