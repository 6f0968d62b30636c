import { isAlreadyExists } from '../../containerd/errors';
import type { ImageRecord } from '../../containerd/images';
import type { ImageBackend } from '../backend';
import { MANAGED, MANAGED_LABEL, recordLabels } from './image-records';

/** True for a record that another client has made: `ctr images import`, `kind load`, nerdctl. */
export function needsAdoption(record: ImageRecord): boolean {
  return record.labels[MANAGED_LABEL] !== MANAGED;
}

/**
 * Makes a record that another client has made one of ours: one named by the image's id stands beside it, and both carry
 * our label. The label comes last: while it is missing this will be done again. Answers the names that were written.
 */
export async function adopt(
  images: ImageBackend['images'],
  record: ImageRecord,
  { id, pinned }: { id: string; pinned: boolean },
): Promise<string[]> {
  const labels = recordLabels(pinned);
  const written: string[] = [];
  if (record.name !== id && !(await images.get(id))) {
    try {
      await images.create({ name: id, target: record.target, labels });
      written.push(id);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
  const paths = Object.keys(labels).map((key) => `labels.${key}`);
  await images.update({ name: record.name, target: record.target, labels: { ...record.labels, ...labels } }, paths);
  return [...written, record.name];
}
