import { readFileSync } from 'node:fs';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ListPodSandboxResponse } from '../../generated/cri/v1/api';
import { removeTorn, writeFileAtomic } from '../base/atomic-file';
import { errnoOf } from '../base/errors';
import { inOrder, type Sandbox, type SandboxMetadata, type SandboxStatus } from '../model/sandbox';
import { toCriSandbox } from './cri-shapes';
import { EncodedItems } from './encoded-items';
import { IdMap } from './id-map';
import { encodeSandboxMetadata, parseSandboxMetadata } from './records';
import { parseUpdatedResourcesMember, type UpdatedResources, updatedResourcesMember } from './updated-resources';

const JOURNAL_FILE = /^([^.].*)\.json$/;

/** A pod's journal file. */
export interface JournalEntry {
  readonly id: string;
  readonly metadata?: SandboxMetadata;
  /** Why it has no metadata: what it holds is no journal of this pod, or it cannot be read now. */
  readonly problem?: 'torn' | 'unreadable';
}

/**
 * The pod sandboxes we know. In memory: those that kubelet may see. On disk, one journal file per sandbox from before
 * its first step until its removal, so that a crash in between leaves something to undo from.
 */
export class SandboxStore {
  /** ListPodSandbox' answers. */
  readonly encoded = new EncodedItems<Sandbox>((sandbox) =>
    ListPodSandboxResponse.encode({ items: [toCriSandbox(sandbox)] }).finish(),
  );
  private readonly sandboxes = new IdMap<Sandbox>();
  /** Those that have a journal file of ours: listed, being made or being removed. */
  private readonly recorded = new Set<string>();
  private readonly journal: string;
  private journalRead = false;

  /** `root` is crisp's own directory; the journal lies in `<root>/sandboxes`. */
  constructor(root: string) {
    this.journal = join(root, 'sandboxes');
  }

  /** Writes the journal file; called before the act it describes, and again when the network is known. */
  async record(metadata: SandboxMetadata): Promise<void> {
    this.recorded.add(metadata.id);
    await writeFileAtomic(this.file(metadata.id), encodeSandboxMetadata(metadata));
  }

  /** Adds to the journal file of a listed sandbox what kubelet says of its resources. */
  async recordResources(id: string, updated: UpdatedResources): Promise<void> {
    const sandbox = this.sandboxes.get(id);
    if (!sandbox) return;
    this.recorded.add(id);
    await writeFileAtomic(this.file(id), encodeSandboxMetadata(sandbox.metadata, updatedResourcesMember(updated)));
  }

  /** What the journal file says of them; undefined when it says nothing. */
  async readResources(id: string): Promise<UpdatedResources | undefined> {
    try {
      return parseUpdatedResourcesMember(readFileSync(this.file(id)));
    } catch {
      return undefined;
    }
  }

  /** Afterwards there is no journal file of `id`. */
  async forget(id: string): Promise<void> {
    await unlink(this.file(id)).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    this.recorded.delete(id);
  }

  /** Ids of everything that may own something: what is listed, and what is being made or removed. */
  ownerIds(): string[] {
    return [...new Set([...this.recorded, ...this.list().map(({ metadata }) => metadata.id)])];
  }

  /**
   * What the journal has, by id. Every sandbox in it owns something until `forget`. To be called once before any file is
   * written: what an earlier crisp did not finish writing is removed then. Rejects when the journal as a whole cannot be read.
   */
  async readJournal(): Promise<Map<string, JournalEntry>> {
    if (!this.journalRead) await removeTorn(this.journal);
    const names = await readdir(this.journal).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error; // no journal and one that cannot be read are not the same
    });
    const ids = names.flatMap((name) => JOURNAL_FILE.exec(name)?.[1] ?? []);
    // Later each file is noted as it is written, and one that was listed here may be gone by now.
    if (!this.journalRead) for (const id of ids) this.recorded.add(id);
    this.journalRead = true;
    return new Map(ids.map((id) => [id, this.journalEntry(id)]));
  }

  /** Afterwards the sandbox is listed. */
  add(sandbox: Sandbox): void {
    sandbox.status = inOrder(sandbox.status);
    this.sandboxes.set(sandbox.metadata.id, sandbox);
  }

  /** Changes the status as a whole; the caller holds the sandbox's lock. */
  update(id: string, change: Partial<SandboxStatus>): void {
    const sandbox = this.sandboxes.get(id);
    if (sandbox) sandbox.status = inOrder({ ...sandbox.status, ...change });
  }

  delete(id: string): void {
    this.sandboxes.delete(id);
  }

  get(id: string): Sandbox | undefined {
    return this.sandboxes.get(id);
  }

  /** By id or unique prefix; throws AmbiguousId. */
  find(idOrPrefix: string): Sandbox | undefined {
    return this.sandboxes.find(idOrPrefix);
  }

  list(): Sandbox[] {
    return this.sandboxes.values();
  }

  /** What the journal has of one sandbox; its file is a small one on crisp's own disk: the thread pool costs more than the read. */
  journalEntry(id: string): JournalEntry {
    try {
      const metadata = parseSandboxMetadata(readFileSync(this.file(id)));
      // A file about another sandbox says nothing.
      return metadata?.id === id ? { id, metadata } : { id, problem: 'torn' };
    } catch {
      return { id, problem: 'unreadable' };
    }
  }

  private file(id: string): string {
    return join(this.journal, `${id}.json`);
  }
}
