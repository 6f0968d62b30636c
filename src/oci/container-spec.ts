import type { Spec } from '../model/spec';
import type { ContainerSpecInput } from './inputs';
import { OciError } from './oci-error';

/** The OCI spec of a container. Throws OciError when the request asks for what cannot be given. */
export function containerSpec(input: ContainerSpecInput): Spec {
  throw new OciError('config', `no spec for ${input.id} yet`);
}
