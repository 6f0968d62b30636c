import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import type { TestNode } from '../support/node/node';

/** How a file goes wrong. */
export type FileFaultName = 'torn' | 'garbage' | 'empty' | 'of version v9' | 'a directory' | 'unreadable' | 'gone';
export const FILE_FAULTS: readonly FileFaultName[] = [
  'torn',
  'garbage',
  'empty',
  'of version v9',
  'a directory',
  'unreadable',
  'gone',
];

const LONG_AGO = new Date(0);

/** Folders with files that crisp keeps, or reads of others. */
function foldersOf({ crisp, network }: TestNode): string[] {
  const state = dirname(dirname(crisp.stdioNotesDir));
  return [...crisp.recordDirs, crisp.journalDir, state, network.cacheDir, network.confDir];
}

/**
 * The files that `start` reads. The kernel notes when a file was last read: at the first time after that was set back, also
 * where reads are noted once a day at most. A file that is written anew counts too.
 */
export async function filesReadBy(node: TestNode, start: () => Promise<void>): Promise<string[]> {
  const before = foldersOf(node).flatMap(filesBelow);
  for (const path of before) utimesSync(path, LONG_AGO, statSync(path).mtime);
  await start();
  return before.filter((path) => existsSync(path) && statSync(path).atimeMs > 0);
}

/** Regular files; mounted filesystems are not entered. */
function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const { dev } = statSync(dir);
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat || stat.dev !== dev) return [];
    if (stat.isDirectory()) return filesBelow(path);
    return stat.isFile() ? [path] : [];
  });
}

/** A file that is wrong until it is mended. */
export class WrongFile {
  private readonly kept: string;
  private readonly inode: number | undefined;

  /** Afterwards the file is wrong; it is kept in `scratch`. */
  constructor(
    private readonly path: string,
    fault: FileFaultName,
    scratch: string,
  ) {
    mkdirSync(scratch, { recursive: true });
    this.kept = join(scratch, 'kept');
    const bytes = readFileSync(path);
    renameSync(path, this.kept);
    put(path, fault, bytes);
    this.inode = lstatSync(path, { throwIfNoEntry: false })?.ino;
  }

  /** Puts the file back, unless crisp has written it anew or has removed what was there: then that counts. Whether it did. */
  mend(): boolean {
    const now = lstatSync(this.path, { throwIfNoEntry: false })?.ino;
    const untouched = now === this.inode;
    if (untouched && existsSync(dirname(this.path))) {
      rmSync(this.path, { recursive: true, force: true });
      renameSync(this.kept, this.path);
    } else rmSync(this.kept);
    return untouched;
  }
}

function put(path: string, fault: FileFaultName, bytes: Buffer): void {
  switch (fault) {
    case 'a directory':
      mkdirSync(path);
      break;
    case 'unreadable':
      // root may read everything: a link that leads to itself cannot be read by anybody.
      symlinkSync(path, path);
      break;
    case 'gone':
      break;
    default:
      writeFileSync(path, spoilt(fault, bytes));
  }
}

function spoilt(fault: FileFaultName, bytes: Buffer): Buffer {
  if (fault === 'torn') return bytes.subarray(0, bytes.length >> 1);
  if (fault === 'garbage') return Buffer.from('\u0000\u0001 this is no such file \u00ff');
  if (fault === 'empty') return Buffer.alloc(0);
  return Buffer.from(bytes.toString('utf8').replace('"Version":"v1"', '"Version":"v9"'));
}
