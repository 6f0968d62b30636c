import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';

import { upstreamOf } from './newer';
import type { Pin } from './pins';

/** A source that does not answer within this is left out. */
const LIMIT_MS = 60_000;

/** A program that has ended by itself. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a folder to its end. Rejects when it is not there, is killed or takes too long. */
export type Run = (program: string, args: readonly string[], cwd: string) => Promise<Ended>;

export const run: Run = (program, args, cwd) =>
  new Promise((resolve, reject) => {
    execFile(program, args, { cwd, timeout: LIMIT_MS, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') {
        reject(error.killed ? new Error(`${program} did not answer within ${LIMIT_MS / 1000} s`) : error);
        return;
      }
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });

/**
 * Every version that the pin's source offers, in no order; undefined for a source that is not asked. Rejects, with what the
 * source's client said, when there is no answer.
 */
export async function versionsOf(pin: Pin, ask: Run = run): Promise<string[] | undefined> {
  // Outside of the checkout, whose go.mod and package.json would have a say.
  const answer = async (program: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await ask(program, args, tmpdir());
    if (code !== 0) throw new Error(lastLine(stderr) || `${program} ended with code ${code}`);
    return stdout;
  };
  switch (pin.source) {
    case 'go': // module v1 v2 …
      return (await answer('go', 'list', '-m', '-versions', pin.package)).trim().split(/\s+/).slice(1);
    case 'npm': // a package's only version comes without brackets
      return [JSON.parse(await answer('npm', 'view', pin.package, 'versions', '--json'))].flat().map(String);
    case 'debian':
      return [candidate(await answer('apt-cache', 'policy', pin.package))];
    case 'suite':
    case 'image':
      return undefined;
  }
}

/** What apt would install, as upstream numbers it. */
function candidate(policy: string): string {
  const found = /^ *Candidate: (\S+)$/m.exec(policy)?.[1];
  if (found === undefined || found === '(none)') throw new Error('apt-cache knows no such package');
  return upstreamOf(found);
}

/** An npm package that package.json names in one version and of which there is a newer one. */
export interface Outdated {
  readonly name: string;
  readonly version: string;
  readonly newest: string;
}

/** Which npm packages of the checkout at `root` have newer releases. Rejects when npm has no answer. */
export async function outdatedPackages(root: string, ask: Run = run): Promise<Outdated[]> {
  // It ends with code 1 when something is outdated, and also when it has failed.
  const { stdout, stderr } = await ask('npm', ['outdated', '--json'], root);
  const answer = JSON.parse(stdout || '{}') as Record<string, { wanted?: string; latest?: string }>;
  if ('error' in answer || (stdout.trim() === '' && stderr.trim() !== '')) {
    throw new Error(lastLine(stderr) || 'npm outdated has failed');
  }
  return Object.entries(answer).map(([name, { wanted = '', latest = '' }]) => ({
    name,
    version: wanted,
    newest: latest,
  }));
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
