import { isAlreadyExists } from '../../containerd/errors';
import type { ImageRecord } from '../../containerd/images';
import type { Descriptor } from '../../model/image';
import type { ImageBackend, Work } from '../backend';
import { type Reference, withDigest } from '../document/reference';

/** On records that belong to CRI. */
export const MANAGED_LABEL = 'io.cri-containerd.image';
export const MANAGED = 'managed';
/** On records of images that kubelet must not collect. */
export const PINNED_LABEL = 'io.cri-containerd.pinned';
export const PINNED = 'pinned';

/** The labels for a record of ours. */
export function recordLabels(pinned: boolean): Record<string, string> {
  return { [MANAGED_LABEL]: MANAGED, ...(pinned ? { [PINNED_LABEL]: PINNED } : {}) };
}

/** The names an image is stored under: its id, the reference, and the reference by digest. */
export function recordNames(reference: Reference, target: Descriptor, id: string): string[] {
  return [...new Set([id, reference.toString(), withDigest(reference, target.digest).toString()])];
}

/**
 * Lets each name point at the target, with the labels. When one fails, the names that are new are taken back; those that
 * were there before point at one image or the other.
 */
export async function putRecords(
  images: ImageBackend['images'],
  names: readonly string[],
  { target, labels }: { target: Descriptor; labels: Record<string, string> },
  work: Work,
): Promise<void> {
  const made: string[] = [];
  try {
    for (const name of names) if (await putRecord(images, { name, target, labels }, work)) made.push(name);
  } catch (error) {
    await Promise.all(made.map((name) => images.delete(name).catch(() => false)));
    throw error;
  }
}

/** True if the record is new. Labels that others have put on it stay. */
async function putRecord(
  images: ImageBackend['images'],
  record: { name: string; target: Descriptor; labels: Record<string, string> },
  work: Work,
): Promise<boolean> {
  const known = await images.get(record.name, work);
  if (known) {
    await updateRecord(images, known, record, work);
    return false;
  }
  try {
    await images.create(record, work);
    return true;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await images.update(record, ['target', ...labelPaths(record.labels)], work);
    return false;
  }
}

async function updateRecord(
  images: ImageBackend['images'],
  known: ImageRecord,
  { name, target, labels }: { name: string; target: Descriptor; labels: Record<string, string> },
  work: Work,
): Promise<void> {
  const changed = Object.entries(labels).filter(([key, value]) => known.labels[key] !== value);
  const moved = known.target.digest !== target.digest || known.target.mediaType !== target.mediaType;
  const paths = [...(moved ? ['target'] : []), ...labelPaths(Object.fromEntries(changed))];
  if (paths.length > 0) await images.update({ name, target, labels: { ...known.labels, ...labels } }, paths, work);
}

function labelPaths(labels: Record<string, string>): string[] {
  return Object.keys(labels).map((key) => `labels.${key}`);
}
