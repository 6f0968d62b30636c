import type { ContainerdVersion } from '../support/daemon/containerd';
import { type Infra, infraAsked } from '../support/infra';

const MINUTES = 4;
/** crisp sweeps what is left every hour: a run must be counted before. */
const LONGEST_SECONDS = 50 * 60;

/** One node's part of a soak. It is over with the first that comes: its time, or its pods. */
export interface Run {
  readonly version: ContainerdVersion;
  readonly infra: Infra;
  readonly seconds: number;
  readonly pods: number;
  readonly seed: number;
}

/**
 * Four runs: both containerds, both modes of pods. STAGE (1.6 or 2.x) and INFRA choose among them; MINUTES and PODS are for
 * all together. Without either, a run takes a minute. One that would take longer than fifty becomes several.
 */
export function runsOf(env: NodeJS.ProcessEnv, seed: number): Run[] {
  const versions = versionsOf(env.STAGE);
  const asked = infraAsked(env);
  const modes: Infra[] = asked ? [asked] : ['always', 'auto'];
  const runs = versions.flatMap((version) => modes.map((infra) => ({ version, infra })));
  const pods = positive('PODS', env.PODS);
  const minutes = positive('MINUTES', env.MINUTES) ?? (pods === undefined ? MINUTES : undefined);
  const seconds = minutes === undefined ? Number.POSITIVE_INFINITY : (minutes * 60) / runs.length;
  const times = Number.isFinite(seconds) ? Math.ceil(seconds / LONGEST_SECONDS) : 1;
  return runs.flatMap((run) =>
    Array.from({ length: times }, (_, at) => ({
      ...run,
      seed: seed + at,
      seconds: seconds / times,
      pods: pods === undefined ? Number.POSITIVE_INFINITY : Math.ceil(pods / runs.length / times),
    })),
  );
}

function versionsOf(stage: string | undefined): ContainerdVersion[] {
  if (!stage) return ['2', '1.6'];
  if (stage === '1.6') return ['1.6'];
  if (stage === '2.x') return ['2'];
  throw new Error(`STAGE is 1.6 or 2.x, not ${stage}`);
}

function positive(name: string, text: string | undefined): number | undefined {
  if (!text) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} is a number above 0, not ${text}`);
  return value;
}
