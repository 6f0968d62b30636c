import { parseJson } from '../base/json/json';
import { inTurn } from '../base/work/divided-work';
import type { CriDeps } from './deps';

/** What a container's record in containerd adds to a verbose status. */
export interface RecordFacts {
  readonly image: string;
  readonly snapshotKey: string;
  readonly snapshotter: string;
  /** The OCI spec as stored, parsed; undefined when there is no record. */
  readonly spec: unknown;
}

/** Reads the record of `id`; a record that is gone leaves empty facts, since a status must not fail for it. */
export async function recordFacts(
  deps: Pick<CriDeps, 'containerd'>,
  id: string,
  signal: AbortSignal,
): Promise<RecordFacts> {
  const record = await deps.containerd.containers.get(id, { signal });
  const { spec } = record ?? {};
  return {
    image: record?.image ?? '',
    snapshotKey: record?.snapshotKey ?? '',
    snapshotter: record?.snapshotter ?? '',
    spec: spec && (await inTurn(() => parseJson(spec.value.toString('utf8')))),
  };
}
