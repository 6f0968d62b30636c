import { parseQuantity } from '../base/quantity';
import { BadInputError } from '../host/bad-input';
import type { JsonObject } from './json-value';

const INGRESS = 'kubernetes.io/ingress-bandwidth';
const EGRESS = 'kubernetes.io/egress-bandwidth';

/** Bits per second: below 1k nothing gets through, and above 1P something is wrong. kubelet's own limits. */
const MIN_RATE = 1_000n;
const MAX_RATE = 10n ** 15n;
/** Bits; as good as unlimited, so that only the rate limits. */
const BURST = 0xffff_ffff;

/**
 * The `bandwidth` argument of a pod's annotations; undefined when they ask for none. Throws a BadInputError that names the
 * annotation: a pod that wants a limit must not run without.
 */
export function bandwidth(annotations: Readonly<Record<string, string>>): JsonObject | undefined {
  const ingress = rate(annotations, INGRESS);
  const egress = rate(annotations, EGRESS);
  if (ingress === undefined && egress === undefined) return undefined;
  return {
    ...(ingress === undefined ? {} : { ingressRate: Number(ingress), ingressBurst: BURST }),
    ...(egress === undefined ? {} : { egressRate: Number(egress), egressBurst: BURST }),
  };
}

function rate(annotations: Readonly<Record<string, string>>, key: string): bigint | undefined {
  const text = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
  if (text === undefined) return undefined;
  const value = parseQuantity(text);
  if (value === undefined) throw new BadInputError(`config.annotations["${key}"]: "${text}" is not a quantity`);
  if (value < MIN_RATE)
    throw new BadInputError(`config.annotations["${key}"]: "${text}" is less than 1k bits per second`);
  if (value > MAX_RATE)
    throw new BadInputError(`config.annotations["${key}"]: "${text}" is more than 1P bits per second`);
  return value;
}
