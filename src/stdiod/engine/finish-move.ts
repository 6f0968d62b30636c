import { type BigIntStats, lstatSync, readdirSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Pipes } from '../../base/pipes';
import type { OutputStream } from '../../stdio/cri-log';
import type { PlannedWrite } from '../../stdio/log-file';
import type { Journal } from './journal';

/** An output whose previous reader may have died in the middle of a move. */
export interface TakenOver {
  readonly id: string;
  readonly stream: OutputStream;
  readonly fd: number;
  /** Path of its log; kubelet may have renamed the file meanwhile. */
  readonly log: string;
}

/**
 * Brings a move of this output to an end that a killed predecessor began: lines that are in the log leave the pipe, and
 * lines that are there in part leave the log, to be written again. Afterwards no byte is in both and none in neither.
 */
export function finishMove(deps: { journal: Journal; pipes: Pipes }, output: TakenOver): void {
  const { journal, pipes } = deps;
  const move = journal.unfinished();
  if (!move || move.id !== output.id || move.stream !== output.stream) return;
  const written = move.phase === 'taking' || !move.write || isWritten(output.log, move.write);
  if (!written || move.done) journal.clear();
  else journal.take(move, (into) => pipes.take(output.fd, into));
}

/** Whether a planned append has happened as a whole. One that has happened in part is undone. */
function isWritten(path: string, { inode, offset, length }: PlannedWrite): boolean {
  const file = fileWithInode(path, inode);
  // Gone, or cut off by somebody else: it was there, and writing it twice would be no better.
  if (!file || file.size < offset) return true;
  if (file.size >= offset + length) return true;
  truncateSync(file.path, offset);
  return false;
}

/** The file of that inode, at the path or, renamed, beside it. */
function fileWithInode(path: string, inode: bigint): { path: string; size: number } | undefined {
  const dir = dirname(path);
  const beside = (): string[] => {
    try {
      return readdirSync(dir).map((name) => join(dir, name));
    } catch {
      return [];
    }
  };
  for (const candidate of [path, ...beside()]) {
    const stat = statOf(candidate);
    if (stat?.isFile() && stat.ino === inode) return { path: candidate, size: Number(stat.size) };
  }
  return undefined;
}

function statOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}
