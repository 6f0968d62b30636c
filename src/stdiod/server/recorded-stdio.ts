import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { endedOrLate } from '../../stdio/ended-or-late';
import type {
  Attachment,
  AttachOptions,
  CopyingStdio,
  DrainOptions,
  StdioService,
  StdioSpec,
} from '../../stdio/stdio-service';

/** How long what was open is waited for: what is not open again then has a log whose disk does not answer. */
const RESTORE_MS = 1000;

/**
 * A StdioService that notes on disk what is open, so that whoever comes after a kill can take it up. The directory lies in
 * memory (`/run`): FIFOs do not survive a reboot, and neither must these notes.
 */
export class RecordedStdio implements StdioService {
  private readonly specs = new Map<string, StdioSpec>();

  constructor(
    private readonly inner: CopyingStdio,
    private readonly dir: string,
    private readonly log: Logger,
  ) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  /** How many containers are open. */
  get size(): number {
    return this.specs.size;
  }

  /**
   * Opens what is noted, and notes nothing anew: the disk may be full. What cannot be opened stays noted, unless its FIFOs
   * are gone. Resolves when that is done, or when what is left takes long: `all` does when there is none left.
   */
  async restore(withinMs = RESTORE_MS): Promise<{ readonly all: Promise<unknown> }> {
    const all = Promise.all(notedSpecs(this.dir).map((spec) => this.takeUp(spec)));
    if (!(await endedOrLate(all, withinMs))) this.log.warn('some stdio is not taken up yet, the disk of a log is slow');
    return { all };
  }

  /** Never rejects. */
  private async takeUp(spec: StdioSpec): Promise<void> {
    try {
      await this.inner.open(spec);
      if (existsSync(this.path(spec.id))) this.specs.set(spec.id, spec); // else it has been closed meanwhile
    } catch (error) {
      this.log.warn('the stdio of a container cannot be taken up', { id: spec.id, error: errorMessage(error) });
      if (!hasFifos(spec)) this.forget(spec.id);
    }
  }

  async open(spec: StdioSpec): Promise<void> {
    await this.inner.open(spec);
    if (this.specs.has(spec.id)) return;
    try {
      this.note(spec);
    } catch (error) {
      // Or a second call would take it for noted. A note of before, which is as good, stays.
      await this.inner.close(spec.id);
      rmSync(`${this.path(spec.id)}.new`, { force: true });
      throw error;
    }
  }

  async reopen(id: string, logPath: string): Promise<void> {
    await this.inner.reopen(id, logPath);
    const spec = this.specs.get(id);
    if (spec && logPath && spec.logPath !== logPath) this.note({ ...spec, logPath });
  }

  attach(id: string, options: AttachOptions): Promise<Attachment> {
    return this.inner.attach(id, options);
  }

  async drain(id: string, options: DrainOptions): Promise<boolean> {
    const complete = await this.inner.drain(id, options);
    if (complete) this.forget(id);
    else void this.forgetOnceClosed(id);
    return complete;
  }

  async close(id: string): Promise<void> {
    await this.inner.close(id);
    this.forget(id);
  }

  list(): Promise<string[]> {
    return this.inner.list();
  }

  /** Lets go of everything; the notes stay. */
  async leave(): Promise<void> {
    await this.inner.leave();
    this.specs.clear();
  }

  /** Lets go of everything and of the notes too: somebody else has the containers. */
  async letGo(): Promise<void> {
    await this.leave();
    for (const { id } of notedSpecs(this.dir)) this.forget(id); // also what could not be opened
  }

  /** Until its log is complete, another process must find the note. */
  private async forgetOnceClosed(id: string): Promise<void> {
    try {
      await this.inner.closed?.(id);
      this.forget(id);
    } catch (error) {
      this.log.warn('a container log could not be completed', { id, error: errorMessage(error) });
    }
  }

  private note(spec: StdioSpec): void {
    const path = this.path(spec.id);
    // Renamed into place: a note is there as a whole or not at all.
    writeFileSync(`${path}.new`, JSON.stringify(spec), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    this.specs.set(spec.id, spec);
  }

  private forget(id: string): void {
    this.specs.delete(id);
    // What could not be written as a whole, for a full disk or a kill, goes too.
    for (const path of [this.path(id), `${this.path(id)}.new`]) rmSync(path, { force: true });
  }

  private path(id: string): string {
    return join(this.dir, `${id}.json`);
  }
}

function hasFifos({ stdout, stderr }: StdioSpec): boolean {
  return [stdout, stderr].every((path) => !path || existsSync(path));
}

/** What is noted as open in a directory. A note that cannot be read is passed over. */
export function notedSpecs(dir: string): StdioSpec[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      try {
        const spec = JSON.parse(readFileSync(join(dir, name), 'utf8')) as StdioSpec;
        return typeof spec.id === 'string' ? [spec] : [];
      } catch {
        return [];
      }
    });
}
