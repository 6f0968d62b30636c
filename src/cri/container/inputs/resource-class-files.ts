import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { splitDeviceNumber } from '../../../host/files/devices';
import { readForeignText } from '../../../host/mount/foreign-file';
import type { SpecBlockIo } from '../../../model/spec';
import { matchGlob } from '../../../oci/glob';
import { type BlockDevice, blockIo, parseBlockIoClasses } from '../../../oci/resources/block-io';
import { parseRdtClasses, type RdtClass } from '../../../oci/resources/rdt';

/** The classes of block I/O and RDT, read afresh each time: they are asked for seldom, and devices come and go. */
export class ResourceClassFiles {
  /** Paths of the configuration files; empty: there are no such classes. */
  constructor(private readonly files: { readonly blockIo: string; readonly rdt: string }) {}

  /** What a class says of block I/O; undefined when there is none of that name. Rejects when the file cannot be used. */
  async blockIo(name: string): Promise<SpecBlockIo | undefined> {
    const rules = await this.read(this.files.blockIo, (text) => parseBlockIoClasses(text).get(name));
    if (!rules) return undefined;
    const patterns = rules.flatMap(({ devices = [] }) => devices);
    const found = new Map(await Promise.all(patterns.map(async (each) => [each, await blockDevices(each)] as const)));
    return blockIo(rules, (wanted) => wanted.flatMap((pattern) => found.get(pattern) ?? []));
  }

  /** An RDT class; undefined when there is none of that name. Rejects when the file cannot be used. */
  rdt(name: string): Promise<RdtClass | undefined> {
    return this.read(this.files.rdt, (text) => parseRdtClasses(text).get(name));
  }

  private async read<T>(file: string, parse: (text: string) => T): Promise<T> {
    try {
      return parse(await readForeignText(file));
    } catch (cause) {
      throw new Error(`${file} cannot be used`, { cause });
    }
  }
}

/** The block devices whose path, or that of a link to them, matches a glob; what is no block device is left out. */
async function blockDevices(pattern: string): Promise<BlockDevice[]> {
  const paths = await matching(pattern);
  const found = await Promise.all(paths.map((path) => blockDevice(path).catch(() => undefined)));
  return found.filter((device) => device !== undefined);
}

async function matching(pattern: string): Promise<string[]> {
  if (!/[*?[\\]/.test(pattern)) return [pattern];
  const parents = pattern === '/' ? [] : await matching(dirname(pattern));
  const listed = await Promise.all(
    parents.map(async (parent) => (await readdir(parent).catch(() => [])).map((name) => join(parent, name))),
  );
  return listed.flat().filter((path) => matchGlob(pattern, path));
}

async function blockDevice(path: string): Promise<BlockDevice | undefined> {
  const found = await stat(path, { bigint: true });
  return found.isBlockDevice() ? splitDeviceNumber(found.rdev) : undefined;
}
