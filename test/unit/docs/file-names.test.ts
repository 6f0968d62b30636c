import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Every file below a folder, as a path from the repository's root. */
function below(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

const sources = ['src', 'test', 'scripts'].flatMap(below);
const endings = new Set(sources.flatMap((path) => path.split('/').map((_, at, parts) => parts.slice(at).join('/'))));
const readers = [
  ...sources.filter((path) => path.startsWith('src/')),
  ...below('docs'),
  'README.md',
  'CONTRIBUTING.md',
];

/** A TypeScript file by its name, or by the end of its path. */
const FILE_NAME = /(?<![\w./-])(?:[\w-]+\/)*[a-z][\w-]*(?:\.test)?\.ts\b/g;

/** Files that docs and comments name and that are not there. tsc checks imports. */
function missing(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => line.match(FILE_NAME) ?? [])
    .filter((name) => !endings.has(name) && !name.startsWith('generated/'))
    .map((name) => `${path}: ${name}`);
}

describe('Docs and comments', () => {
  it('name files that are there', () => {
    expect(readers).toEqual(expect.arrayContaining(['docs/architecture.md', 'src/main.ts']));
    expect(readers.filter((path) => /\.(ts|md)$/.test(path)).flatMap(missing)).toEqual([]);
  });
});
