import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_BYTES, Journal } from './journal';

const NAME = /^journal(-\d+)?$/;

/** An unfinished move. */
export interface LeftMove {
  /** File of the journal that has it. */
  readonly path: string;
  /** The thread that began it, as /proc names it; empty: it is not known. */
  readonly owner: string;
}

/**
 * The files of journals, one for each thread that copies. A predecessor that was killed has left an unfinished move in some
 * of them: such a file is no thread's own until the container of the move has been opened, which finishes it.
 */
export class JournalFiles {
  /** Files with an unfinished move, by the container that it is of. */
  private readonly left = new Map<string, LeftMove>();
  private readonly taken = new Set<string>();

  /** `noted`: ids of the containers that will be opened. A move of another one is void. */
  constructor(
    private readonly dir: string,
    noted: ReadonlySet<string>,
  ) {
    for (const name of readdirSync(dir).filter((each) => NAME.test(each))) {
      const path = join(dir, name);
      const journal = journalIn(path);
      const id = journal?.unfinished()?.id;
      if (!journal || id === undefined) continue;
      if (noted.has(id)) this.left.set(id, { path, owner: journal.owner });
      else clear(path);
    }
  }

  /** The first file that is neither in use nor has an unfinished move. It may not exist yet. */
  take(): string {
    const path = this.firstFree();
    this.taken.add(path);
    return path;
  }

  /** The file that is taken next; undefined when one becomes free as soon as its move is finished. */
  spare(): string | undefined {
    return this.left.size > 0 ? undefined : this.firstFree();
  }

  private firstFree(): string {
    const left = new Set([...this.left.values()].map(({ path }) => path));
    for (let n = 0; ; n++) {
      const path = join(this.dir, n === 0 ? 'journal' : `journal-${n}`);
      if (!this.taken.has(path) && !left.has(path)) return path;
    }
  }

  /** The thread that had it is gone. */
  give(path: string): void {
    this.taken.delete(path);
  }

  /** The unfinished move of a container. */
  leftBy(id: string): LeftMove | undefined {
    return this.left.get(id);
  }

  /** The container has been opened, and the move finished. */
  finished(id: string): void {
    this.left.delete(id);
  }

  /** The container is not going to be opened: its move is void. */
  forget(id: string): void {
    const move = this.left.get(id);
    if (move) clear(move.path);
    this.left.delete(id);
  }
}

/** What is in a file now. */
function journalIn(path: string): Journal | undefined {
  const content = readFileSync(path);
  return content.length < JOURNAL_BYTES ? undefined : new Journal(content);
}

/** Nothing is under way in the file from now on. */
function clear(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    const head = Buffer.alloc(JOURNAL_BYTES);
    new Journal(head).clear();
    writeSync(fd, head, 0, 4, 0);
  } finally {
    closeSync(fd);
  }
}
