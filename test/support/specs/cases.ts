import type { ContainerConfig, DeepPartial, PodSandboxConfig } from '../../../generated/cri/v1/api';

/** A container that both runtimes are asked for: what is said of it besides its name and image. */
export interface ContainerCase {
  readonly name: string;
  readonly config: DeepPartial<ContainerConfig>;
  /** Only asked of containerd 2.x; 1.6 does not know what it is about. */
  readonly since?: '2';
  /** It is started, so that another can be told to share its PID namespace. */
  readonly starts?: true;
}

/** A pod that both runtimes are asked for, and the containers in it. */
export interface PodCase {
  readonly name: string;
  readonly config: DeepPartial<PodSandboxConfig>;
  readonly handler?: string;
  readonly since?: '2';
  readonly containers: readonly ContainerCase[];
}

/** Stands for the id of the container of this name in the same pod. */
export const idOf = (name: string): string => `ID OF ${name}`;

/** Host paths that the cases name; `prepareHost` makes them. */
export const HOST_DIR = '/tmp/crisp-specs';

/** The parent of every cgroup that a case names. */
export const CGROUP = '/crisp-specs';
