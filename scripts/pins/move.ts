import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PINS_FILE, type Pin, pinNamed, readPins, withVersion } from './pins';

/** Runs Go's own tool in a folder; answers what it printed. */
export type Go = (folder: string, ...args: string[]) => string;

const runGo: Go = (folder, ...args) =>
  execFileSync('go', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/**
 * Afterwards `scripts/pins.txt` gives `name` that version, and for a Go module its lock (`go.mod` and `go.sum` in
 * `test/tools/<name>`) does too. Throws without a change of the pin when Go cannot have the version.
 */
export function movePin(root: string, name: string, version: string, go: Go = runGo): void {
  const file = join(root, PINS_FILE);
  const text = withVersion(readFileSync(file, 'utf8'), name, version);
  const pin = { ...pinNamed(readPins(root), name), version };
  if (pin.source === 'go') lock(pin, join(root, 'test/tools', name), go);
  writeFileSync(file, text);
}

function lock({ package: module, version }: Pin, folder: string, go: Go): void {
  const staged = stagedModules(module, version, folder, go);
  const replaced = staged.map((name) => `-replace=${name}=${name}@${stagedVersion(version)}`);
  const before = replacements(go(folder, 'mod', 'edit', '-json')).map((name) => `-dropreplace=${name}`);
  if (before.length + replaced.length > 0) go(folder, 'mod', 'edit', ...before, ...replaced);
  go(folder, 'get', `${module}@${version}`);
  go(folder, 'mod', 'tidy');
}

/** The modules that a repository publishes apart and replaces by its own folders (k8s.io/api of Kubernetes): their names. */
function stagedModules(module: string, version: string, folder: string, go: Go): string[] {
  const { GoMod } = JSON.parse(go(folder, 'mod', 'download', '-json', `${module}@${version}`)) as { GoMod: string };
  const { Replace } = JSON.parse(go(folder, 'mod', 'edit', '-json', GoMod)) as GoMod;
  return (Replace ?? []).filter((each) => each.New.Path.startsWith('./staging/')).map((each) => each.Old.Path);
}

/** Kubernetes v1.37.2 publishes them as v0.37.2. */
function stagedVersion(version: string): string {
  return version.replace(/^v\d+\./, 'v0.');
}

interface GoMod {
  readonly Replace?:
    | readonly { readonly Old: { readonly Path: string }; readonly New: { readonly Path: string } }[]
    | null;
}

function replacements(text: string): string[] {
  return ((JSON.parse(text) as GoMod).Replace ?? []).map(({ Old }) => Old.Path);
}
