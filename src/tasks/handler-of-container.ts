import type { Container } from '../model/container';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { LifecycleDeps } from './deps';

/** The handler of the pod that a container is in. */
export function handlerOfContainer(
  { handlers, sandboxes }: Pick<LifecycleDeps, 'handlers' | 'sandboxes'>,
  { metadata }: Container,
): RuntimeHandler {
  return handlers.ofPod(sandboxes.get(metadata.sandboxId)?.metadata.runtimeHandler);
}
