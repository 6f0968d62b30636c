import type { SELinuxOption } from '../../../generated/cri/v1/api';
import { OciError } from '../oci-error';

/** `s0`, `s0-s1`, each with or without categories `:c1,c2` or `:c0.c1023`. */
const LEVEL = /^s\d{1,2}(-s\d{1,2})?(:c\d{1,4}([.,]c\d{1,4})*)?$/;
/** What policies name users, roles and types with. Anything else would end a label, or a mount option with one in it. */
const NAME = /^[A-Za-z0-9_.-]+$/;

/** Checks SELinux options, also where SELinux is off. `field` is their path in the request. Empty parts are fine. */
export function checkSelinuxOptions(options: SELinuxOption | undefined, field: string): void {
  if (!options) return;
  for (const part of ['user', 'role', 'type'] as const) {
    const value = options[part];
    if (value !== '' && !NAME.test(value))
      throw new OciError(`${field}.${part}`, `${JSON.stringify(value)} is no name`);
  }
  if (options.level !== '' && !LEVEL.test(options.level)) {
    throw new OciError(`${field}.level`, `${JSON.stringify(options.level)} is malformed`);
  }
}
