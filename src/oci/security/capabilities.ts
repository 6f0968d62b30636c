import type { LinuxContainerSecurityContext } from '../../../generated/cri/v1/api';
import type { HostFacts } from '../../model/host-facts';
import type { SpecCapabilities } from '../../model/spec';
import { OciError } from '../oci-error';

const FIELD = 'config.linux.security_context.capabilities';

const DEFAULT = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
] as const;

/** What a container has when nothing is added or dropped. */
export function defaultCapabilities(): readonly string[] {
  return DEFAULT;
}

/** `net_admin`, `NET_ADMIN` and `CAP_NET_ADMIN` are one; a name no kernel could have is refused. */
function capabilityName(name: string, field: string): string {
  const upper = name.toUpperCase();
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!/^CAP_[A-Z0-9_]{1,64}$/.test(full)) throw new OciError(field, `${JSON.stringify(name)} is not a capability`);
  return full;
}

function names(list: readonly string[], field: string): string[] {
  return list.map((name, i) => capabilityName(name, `${FIELD}.${field}[${i}]`));
}

/** ALL is looked at before single names: `drop ALL, add CHOWN` leaves CHOWN, `add ALL, drop CHOWN` all but CHOWN. */
function changed(start: readonly string[], add: readonly string[], drop: readonly string[], all: readonly string[]) {
  let set = new Set(start);
  if (add.includes('CAP_ALL')) set = new Set(all);
  if (drop.includes('CAP_ALL')) set = new Set();
  for (const name of add) if (name !== 'CAP_ALL') set.add(name);
  for (const name of drop) if (name !== 'CAP_ALL') set.delete(name);
  return [...set];
}

export interface CapabilityInput {
  readonly securityContext?: LinuxContainerSecurityContext;
  readonly facts: Pick<HostFacts, 'capabilities'>;
  /** What the base spec grants; without one, the default set. */
  readonly base?: SpecCapabilities;
}

/**
 * The five capability sets. ALL means those of the daemon, which a child cannot exceed. The inheritable set stays
 * empty (a file with inheritable capabilities would otherwise raise them), unless ambient ones are asked for.
 */
export function containerCapabilities({ securityContext, facts, base }: CapabilityInput): SpecCapabilities {
  const asked = securityContext?.capabilities;
  const add = names(asked?.addCapabilities ?? [], 'add_capabilities');
  const drop = names(asked?.dropCapabilities ?? [], 'drop_capabilities');
  const ambient = ambientNames(names(asked?.addAmbientCapabilities ?? [], 'add_ambient_capabilities'), facts);
  const start = base?.bounding ?? DEFAULT;
  const granted = securityContext?.privileged
    ? [...facts.capabilities]
    : changed(start, [...add, ...ambient], drop, facts.capabilities);
  const has = new Set(granted);
  const raised = ambient.filter((name) => has.has(name));
  return {
    bounding: granted,
    effective: [...granted],
    permitted: [...granted],
    ...(raised.length > 0 && { inheritable: raised, ambient: [...raised] }),
  };
}

function ambientNames(list: readonly string[], facts: Pick<HostFacts, 'capabilities'>): string[] {
  return [...new Set(list.flatMap((name) => (name === 'CAP_ALL' ? [...facts.capabilities] : [name])))];
}
