import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../../base/errors';
import type { Logger } from '../../../base/logger';
import { StandingProblems } from '../../../base/standing-problems';
import { readForeignText } from '../../../host/mount/foreign-file';

/** The content of one CDI spec file. */
export interface CdiFile {
  readonly path: string;
  readonly content: string;
  /** Why it could not be read. */
  readonly unreadable?: string;
  /** Position of its directory: a later one wins. */
  readonly priority: number;
}

/** Reads CDI spec files afresh: device plugins write them while we run. */
export class CdiFiles {
  private readonly problems: StandingProblems;

  constructor(
    private readonly dirs: readonly string[],
    log: Logger,
  ) {
    this.problems = new StandingProblems((file, error) => log.warn('CDI file passed over', { file, error }));
  }

  /** Warns of files that cannot be used, of each once. These are all there are now. */
  report(unusable: readonly { readonly path: string; readonly message: string }[]): void {
    this.problems.report(new Map(unusable.map(({ path, message }) => [path, message])));
  }

  /** Every `.json` and `.yaml` file of the directories, readable or not; a directory that is not there is empty. */
  async read(): Promise<CdiFile[]> {
    const lists = await Promise.all(this.dirs.map((dir, priority) => this.readDir(dir, priority)));
    return lists.flat();
  }

  private async readDir(dir: string, priority: number): Promise<CdiFile[]> {
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
    const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    const wanted = names.filter((name) => /\.(json|yaml)$/.test(name)).sort();
    return Promise.all(wanted.map((name) => readCdiFile(join(dir, name), priority)));
  }
}

async function readCdiFile(path: string, priority: number): Promise<CdiFile> {
  try {
    return { path, priority, content: await readForeignText(path) };
  } catch (error) {
    return { path, priority, content: '', unreadable: errorMessage(error) };
  }
}
