import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTorn, writeFileAtomic } from '../base/atomic-file';
import { errnoOf } from '../base/errors';
import { readAsGo } from '../base/json/go-fields';
import { stringifyJson } from '../base/json/json';
import { readRegularFile } from '../base/regular-file';
import { CACHE_ENTRY } from './document-shapes';
import { asObjects, asString, isObject, type JsonObject, parseObject } from './json-value';

/** An attachment as the cache remembers it: all that a DEL needs. */
export interface CachedAttachment {
  readonly containerId: string;
  readonly networkName: string;
  readonly ifName: string;
  /** The list configuration that ADD used. */
  readonly config: Buffer;
  /** Empty when the writer did not know it. */
  readonly netnsPath: string;
  readonly cniArgs: readonly (readonly [string, string])[];
  readonly capabilityArgs: JsonObject;
  /** What the last plugin answered; undefined when there is none. */
  readonly result?: JsonObject;
  /** crisp has given up its DEL for now, and is to try again when the pod is gone. A member of crisp's own in the file. */
  readonly abandoned?: boolean;
}

const KIND = 'cniCacheV1';
/** A file has the configuration, the pod's annotations and a plugin's answer in it, which have limits of their own. */
const MAX_ENTRY_BYTES = 64 << 20;

/**
 * What ADD has answered, one file per attachment, in the place and format of the reference CNI library: containerd's
 * plugin can take down what we set up, and we what it did.
 */
export class ResultCache {
  private readonly dir: string;

  /** The files lie in `<cacheDir>/results`. */
  constructor(cacheDir: string) {
    this.dir = join(cacheDir, 'results');
  }

  /** Remembers an attachment; called when its ADD has succeeded. */
  async write(attachment: CachedAttachment): Promise<void> {
    const { containerId, config, ifName, networkName, netnsPath, cniArgs, capabilityArgs, result, abandoned } =
      attachment;
    const entry = {
      kind: KIND,
      containerId,
      config: config.toString('base64'),
      ifName,
      networkName,
      netns: netnsPath || undefined,
      cniArgs: cniArgs.length > 0 ? cniArgs : undefined,
      capabilityArgs: Object.keys(capabilityArgs).length > 0 ? capabilityArgs : undefined,
      result,
      crispAbandoned: abandoned || undefined,
    };
    await writeFileAtomic(this.file(attachment), stringifyJson(entry));
  }

  /** Forgets an attachment. Idempotent. */
  async delete(attachment: Pick<CachedAttachment, 'networkName' | 'containerId' | 'ifName'>): Promise<void> {
    await unlink(this.file(attachment)).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  }

  /** The attachments of one sandbox. A file that cannot be read is as if it were not there. */
  async ofSandbox(containerId: string): Promise<CachedAttachment[]> {
    const attachments = await this.read((name) => name.includes(`-${containerId}-`));
    return attachments.filter((attachment) => attachment.containerId === containerId);
  }

  /** Every attachment in the cache, also those of other programs. What a process before us was writing when it died is removed. */
  async list(): Promise<CachedAttachment[]> {
    await removeTorn(this.dir);
    return this.look();
  }

  /** The same, and nothing is removed: for a cache that is not ours alone. */
  look(): Promise<CachedAttachment[]> {
    return this.read(() => true);
  }

  private async read(wanted: (name: string) => boolean): Promise<CachedAttachment[]> {
    const names = await readdir(this.dir).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    });
    const found: CachedAttachment[] = [];
    for (const name of names.filter(wanted).sort()) {
      const text = await readRegularFile(join(this.dir, name), MAX_ENTRY_BYTES).catch(() => '');
      const attachment = parseEntry(text.toString());
      // The name is checked too: only what lies under its own name can be forgotten again.
      if (attachment && fileName(attachment) === name) found.push(attachment);
    }
    return found;
  }

  private file(attachment: Pick<CachedAttachment, 'networkName' | 'containerId' | 'ifName'>): string {
    return join(this.dir, fileName(attachment));
  }
}

function fileName(attachment: Pick<CachedAttachment, 'networkName' | 'containerId' | 'ifName'>): string {
  return `${attachment.networkName}-${attachment.containerId}-${attachment.ifName}`;
}

function parseEntry(text: string): CachedAttachment | undefined {
  const entry = readAsGo(parseObject(text), CACHE_ENTRY);
  if (!entry || entry.kind !== KIND) return undefined;
  const result = isObject(entry.result) ? entry.result : undefined;
  return {
    containerId: asString(entry.containerId),
    networkName: asString(entry.networkName),
    ifName: asString(entry.ifName),
    config: Buffer.from(asString(entry.config), 'base64'),
    netnsPath: asString(entry.netns) || sandboxOf(result),
    cniArgs: pairs(entry.cniArgs),
    capabilityArgs: isObject(entry.capabilityArgs) ? entry.capabilityArgs : {},
    result,
    ...(entry.crispAbandoned === true && { abandoned: true }),
  };
}

/** Older writers did not keep the namespace, but plugins name it in their answer. */
function sandboxOf(result: JsonObject | undefined): string {
  return (
    asObjects(result?.interfaces)
      .map(({ sandbox }) => asString(sandbox))
      .find(Boolean) ?? ''
  );
}

function pairs(value: unknown): [string, string][] {
  if (!Array.isArray(value)) return [];
  return value.filter(Array.isArray).map(([key, member]) => [asString(key), asString(member)]);
}
