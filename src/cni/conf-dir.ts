import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { StandingProblems } from '../base/standing-problems';
import { within } from '../base/wait/deadline';
import { notInitialized } from './cni-error';
import { isConfigFile, loadNetworks, type NetworkConfig } from './network-config';

export interface ConfDirOptions {
  readonly dir: string;
  /** Files to load, in the order of their names; 0: all. */
  readonly maxConfNum: number;
  readonly log: Logger;
  /** How often to look whether something changed that no event told of. */
  readonly pollMs?: number;
  /** How long to wait after an event: files are often written in several steps. */
  readonly debounceMs?: number;
  /** How the directory is read; for tests. */
  readonly load?: typeof loadNetworks;
}

const POLL_MS = 5_000;
const DEBOUNCE_MS = 200;
/** How long a reading is waited for. One that takes longer hangs, as on a mount whose server is gone. */
const PATIENCE_MS = 2_000;

/**
 * The networks of a configuration directory, read again when it changes. The directory may come later, and may be removed
 * and made again: events tell of changes early, and a look every few seconds finds what they did not tell.
 */
export class ConfDir {
  private networks: readonly NetworkConfig[] = [];
  private problem = 'it was not read yet';
  private seen = '';
  private watcher?: FSWatcher;
  private poll?: NodeJS.Timeout;
  private debounce?: NodeJS.Timeout;
  /** The reading under way, or the last one; a reading that waits for it is the one after. */
  private reading: Promise<void> = Promise.resolve();
  private queued?: Promise<void>;
  /** When the reading under way began, by `performance.now()`. */
  private readingSince?: number;

  private readonly passedOver: StandingProblems;

  constructor(private readonly options: ConfDirOptions) {
    this.passedOver = new StandingProblems((file, error) =>
      options.log.warn('CNI configuration passed over', { file, error }),
    );
  }

  /** Reads the directory and begins to follow it. Afterwards `current` answers what is there. */
  async start(): Promise<void> {
    this.poll = setInterval(() => void this.refresh(), this.options.pollMs ?? POLL_MS);
    this.poll.unref();
    await this.refresh();
  }

  stop(): void {
    this.watcher?.close();
    this.watcher = undefined;
    clearInterval(this.poll);
    clearTimeout(this.debounce);
    this.poll = undefined;
  }

  /**
   * Resolves when no reading is under way, since right after the start nothing is known yet, or when the reading under way
   * is two seconds old: then what was read before counts. Rejects only with the signal's reason.
   */
  async settled(signal?: AbortSignal): Promise<void> {
    if (this.readingSince === undefined && !this.queued) return;
    const now = performance.now();
    const left = (this.readingSince ?? now) + PATIENCE_MS - now;
    if (left <= 0) return;
    const { reading } = this;
    await within(left, 'reading the network configuration', () => reading, signal).catch(() =>
      signal?.throwIfAborted(),
    );
  }

  /** The networks, of which there is at least one. Throws a CniError that says why there is none. */
  current(): readonly NetworkConfig[] {
    if (this.networks.length > 0) return this.networks;
    throw notInitialized(this.problem);
  }

  /** The networks; none when they could not be read. */
  loaded(): readonly NetworkConfig[] {
    return this.networks;
  }

  /** `OK`, or why no network could be loaded. */
  lastLoadStatus(): string {
    return this.networks.length > 0 ? 'OK' : `cni config load failed: ${this.problem}`;
  }

  /**
   * Reads the directory again if anything about its files changed. Resolves when a reading that began after this call has
   * ended. There is one reading at a time; those who ask while it goes on share the next.
   */
  refresh(): Promise<void> {
    if (this.queued) return this.queued;
    const next = this.reading.then(() => {
      this.queued = undefined;
      return this.timed(() => this.reload());
    });
    this.queued = next;
    this.reading = next;
    return next;
  }

  private async timed(act: () => Promise<void>): Promise<void> {
    const { dir, log } = this.options;
    this.readingSince = performance.now();
    const late = setTimeout(
      () => log.warn('reading the CNI configuration hangs; the last one counts', { dir }),
      PATIENCE_MS,
    );
    late.unref();
    try {
      await act();
    } finally {
      clearTimeout(late);
      this.readingSince = undefined;
    }
  }

  private async reload(): Promise<void> {
    const { dir, maxConfNum, log } = this.options;
    // The watch is set up on this thread, which a dead mount would block: only after the directory has answered.
    const answers = await stat(dir).catch(() => undefined);
    if (answers && !this.watcher && this.poll) this.arm();
    const now = await fingerprint(dir);
    if (now.dir !== this.seen.split('\n', 1)[0] && this.seen !== '') this.rearm();
    const state = `${now.dir}\n${now.files}`;
    if (state === this.seen) return;
    this.seen = state;
    const passedOver = new Map<string, string>();
    try {
      const load = this.options.load ?? loadNetworks;
      this.networks = await load(dir, maxConfNum, (file, problem) => passedOver.set(file, problem));
      this.problem = this.networks.length > 0 ? '' : `no network config found in ${dir}${listed(passedOver)}`;
    } catch (error) {
      this.networks = [];
      this.problem = errorMessage(error);
    }
    this.passedOver.report(passedOver);
    if (this.problem) log.warn('no pod network', { dir, error: this.problem });
    else log.info('pod networks loaded', { networks: this.networks.map(({ name, file }) => ({ name, file })) });
  }

  /** A watch follows the directory it was made for, also after that was removed and another made under its name. */
  private rearm(): void {
    this.watcher?.close();
    this.watcher = undefined;
    this.arm();
  }

  private arm(): void {
    try {
      const watcher = watch(this.options.dir, (_event, name) => this.onEvent(name));
      watcher.unref();
      watcher.on('error', () => {
        watcher.close();
        if (this.watcher === watcher) this.watcher = undefined;
      });
      this.watcher = watcher;
    } catch {
      // It is not there yet; the next look tries again.
      this.watcher = undefined;
    }
  }

  private onEvent(name: string | null): void {
    // Files under a temporary name are about to be renamed; the directory's own name comes when it is removed.
    if (name !== null && !isConfigFile(name) && !this.options.dir.endsWith(name)) return;
    clearTimeout(this.debounce);
    this.debounce = setTimeout(() => void this.refresh(), this.options.debounceMs ?? DEBOUNCE_MS);
    this.debounce.unref();
  }
}

function listed(passedOver: ReadonlyMap<string, string>): string {
  if (passedOver.size === 0) return '';
  return ` (passed over: ${[...passedOver].map((each) => each.join(': ')).join('; ')})`;
}

/** Changes whenever the directory or a configuration file in it does. */
async function fingerprint(dir: string): Promise<{ dir: string; files: string }> {
  try {
    const own = await stat(dir, { bigint: true });
    const names = (await readdir(dir, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory() || isConfigFile(entry.name))
      .map(({ name }) => name)
      .sort();
    const files = await Promise.all(names.map(async (name) => `${name} ${await fileState(join(dir, name))}`));
    return { dir: `${own.dev}:${own.ino}`, files: files.join('\n') };
  } catch {
    return { dir: 'none', files: '' };
  }
}

async function fileState(path: string): Promise<string> {
  try {
    // ctime: it also changes when a file may be read from now on.
    const { ino, ctimeNs, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${ctimeNs} ${mtimeNs} ${size}`;
  } catch {
    return 'gone';
  }
}
