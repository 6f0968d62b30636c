import type { Registry } from '../../support/daemon/registry';
import type { Kubelet } from '../kubelet';
import type { BenchOptions } from '../options';
import type { Samples } from '../samples';

/** What a part of the bench works with. */
export interface Bench {
  /** One for each contestant. */
  readonly kubelets: readonly Kubelet[];
  readonly samples: Samples;
  readonly options: BenchOptions;
  readonly registry: Registry;
  /** Where the time of a contestant goes, by its name. */
  readonly tables: Map<string, string>;
  /** A line for who watches. */
  readonly say: (line: string) => void;
}
