import type { Spec } from '../model/spec';
import type { SandboxSpecInput } from './inputs';
import { OciError } from './oci-error';

/** The OCI spec of a pod's pause container. Throws OciError when the request asks for what cannot be given. */
export function sandboxSpec(input: SandboxSpecInput): Spec {
  throw new OciError('config', `no spec for ${input.id} yet`);
}
