import { newerThan } from './newer';
import { type Pin, readPins } from './pins';
import { outdatedPackages, type Run, versionsOf } from './sources';
import { columns, type Found, pinTable } from './table';

/**
 * A table of all pins and of what is newer, and one of npm packages with newer releases, for the checkout at `root`. A source
 * that does not answer is named below them; that is no failure.
 */
export async function showPins(root: string, ask: Run): Promise<string> {
  const rows = await Promise.all(readPins(root).map(async (pin) => ({ pin, found: await findNewer(pin, ask) })));
  const silent = rows.flatMap(({ pin, found }) =>
    typeof found === 'object' && 'unreachable' in found ? [`${pin.name}: ${found.unreachable}`] : [],
  );
  return [
    pinTable(rows),
    await packageTable(root, ask),
    ...(silent.length > 0 ? [`no answer:\n${silent.join('\n')}`] : []),
  ].join('\n\n');
}

async function findNewer(pin: Pin, ask: Run): Promise<Found> {
  try {
    const versions = await versionsOf(pin, ask);
    return versions === undefined ? 'not asked' : newerThan(pin, versions);
  } catch (error) {
    return { unreachable: messageOf(error) };
  }
}

async function packageTable(root: string, ask: Run): Promise<string> {
  try {
    const outdated = await outdatedPackages(root, ask);
    if (outdated.length === 0) return 'package.json: every npm package is the newest';
    return columns([
      ['package.json', 'version', 'newest'],
      ...outdated.map(({ name, version, newest }) => [name, version, newest]),
    ]);
  } catch (error) {
    return `package.json: no answer: ${messageOf(error)}`;
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
