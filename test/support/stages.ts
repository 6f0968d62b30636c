import { type ContainerdVersion, toolsOf } from './daemon/releases';

/** A containerd to test on, as STAGE names it: `2.x` is the newest that is pinned. */
export type StageName = '1.6' | '1.7' | '2.3' | '2.x';

/** What CI tests on, and what all other stages are tested on besides with ALL=1. */
const USUAL: readonly StageName[] = ['1.6', '2.x'];
const ALL: readonly StageName[] = ['1.6', '1.7', '2.3', '2.x'];

/** The stages to run: the one that STAGE names, all of them with ALL=1, otherwise the usual two. Throws on another word. */
export function stagesAsked({ STAGE, ALL: all }: NodeJS.ProcessEnv = process.env): readonly StageName[] {
  const asked = stageNamed(STAGE);
  if (asked) return [asked];
  return all === '1' ? ALL : USUAL;
}

/** The stage of that name; undefined when none is named. Throws on another word. */
export function stageNamed(name: string | undefined): StageName | undefined {
  if (!name) return undefined;
  const found = ALL.find((stage) => stage === name);
  if (!found) throw new Error(`STAGE is one of ${ALL.join(', ')}, not ${name}`);
  return found;
}

/** The containerd of a stage. */
export function versionOf(stage: StageName): ContainerdVersion {
  return stage === '2.x' ? '2' : stage;
}

/** The stage of a containerd. */
export function stageOf(version: ContainerdVersion): StageName {
  return version === '2' ? '2.x' : version;
}

/** What `test/tools` builds for stages, each tool once. */
export function toolsFor(stages: readonly StageName[]): string[] {
  const tools = stages.map(versionOf).flatMap((version) => {
    if (version === '1.6') return [];
    const { daemon, others } = toolsOf(version);
    return [daemon, ...others];
  });
  return [...new Set(tools)];
}
