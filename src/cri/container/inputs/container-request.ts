import type { Container } from '../../../model/container';
import type { Image } from '../../../model/image';
import type { RuntimeHandler } from '../../../model/runtime-handler';
import type { Sandbox } from '../../../model/sandbox';
import type { NamedContainerConfig } from '../../require';
import type { MountedImageVolume } from './image-volumes';

/** What CreateContainer was asked for, and what it has found out about that. */
export interface ContainerRequest {
  /** Its id and label are known by now. */
  readonly draft: Container;
  readonly sandbox: Sandbox;
  readonly config: NamedContainerConfig;
  readonly image: Image;
  readonly handler: RuntimeHandler;
  readonly targetPid: number | undefined;
  readonly volumes: ReadonlyMap<string, MountedImageVolume>;
  readonly signal: AbortSignal;
}
