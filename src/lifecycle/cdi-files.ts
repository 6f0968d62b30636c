import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The content of one CDI spec file. */
export interface CdiFile {
  readonly path: string;
  readonly content: string;
  /** Position of its directory: a later one wins. */
  readonly priority: number;
}

/** Reads CDI spec files afresh: device plugins write them while we run. */
export class CdiFiles {
  constructor(private readonly dirs: readonly string[]) {}

  /** Every `.json` and `.yaml` file of the directories; a directory that is not there is empty. */
  async read(): Promise<CdiFile[]> {
    const lists = await Promise.all(this.dirs.map((dir, priority) => this.readDir(dir, priority)));
    return lists.flat();
  }

  private async readDir(dir: string, priority: number): Promise<CdiFile[]> {
    const names = await readdir(dir).catch(() => []);
    const wanted = names.filter((name) => /\.(json|yaml)$/.test(name)).sort();
    return Promise.all(
      wanted.map(async (name) => {
        const path = join(dir, name);
        return { path, priority, content: await readFile(path, 'utf8') };
      }),
    );
  }
}
