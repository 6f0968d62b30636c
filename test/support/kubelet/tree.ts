import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Makes a folder with files of all sizes, some to run, one empty, in folders; and links. */
export function makeTree(top: string): void {
  for (let i = 0; i < 20; i++) {
    const folder = join(top, `folder ${i}`, 'deeper');
    mkdirSync(folder, { recursive: true });
    for (let j = 0; j < 10; j++) writeFileSync(join(folder, `file-${j}`), randomBytes(i * j * 100));
    chmodSync(join(folder, 'file-1'), 0o755);
    symlinkSync('file-1', join(folder, 'link'));
  }
  writeFileSync(join(top, 'large'), randomBytes(8 << 20));
}

/** What is in a folder: modes, links and digests by path, to compare. */
export function describeTree(top: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(top, below))) {
    const path = join(below, name);
    const full = join(top, path);
    const stat = lstatSync(full);
    const mode = (stat.mode & 0o777).toString(8);
    if (stat.isDirectory()) Object.assign(found, { [path]: `folder ${mode}` }, describeTree(top, path));
    else if (stat.isSymbolicLink()) found[path] = `link to ${readlinkSync(full)}`;
    else found[path] = `${mode} ${createHash('sha256').update(readFileSync(full)).digest('hex')}`;
  }
  return found;
}
