import data from '../../../data/seccomp-default.json';
import type { HostFacts } from '../../model/host-facts';
import type { SpecSeccomp, SpecSyscall } from '../../model/spec';

/** A rule as the data file has it. */
interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly op: string }[];
}

interface Machine {
  readonly architectures: readonly string[];
  readonly adds: readonly string[];
  /** Where clone(2) takes its flags: s390x has them second. */
  readonly cloneFlagsArgument?: number;
}

interface Profile {
  readonly defaultAction: string;
  readonly withoutCapabilities: readonly Rule[];
  readonly withCapability: Readonly<
    Record<string, { readonly adds: readonly Rule[]; readonly removes: readonly Rule[] | null }>
  >;
  readonly byArchitecture: Readonly<Record<string, Machine>>;
}

const profile: Profile = data;

function same(a: Rule, b: Rule): boolean {
  return a.action === b.action && JSON.stringify([a.names, a.args]) === JSON.stringify([b.names, b.args]);
}

function syscall({ names, action, errnoRet, args }: Rule, cloneFlags: number): SpecSyscall {
  const isClone = names.includes('clone');
  return {
    names: [...names],
    action,
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args && {
      args: args.map(({ index, value, op }) => ({ index: isClone ? cloneFlags : index, value: BigInt(value), op })),
    }),
  };
}

/** Before Linux 4.8 a tracer could change a system call after the filter had passed it. */
function tracerCanDodge({ major, minor }: HostFacts['kernel']): boolean {
  return major < 4 || (major === 4 && minor < 8);
}

/**
 * The RuntimeDefault profile: what passes without capabilities, plus what each granted capability needs (a filter must
 * not take away what the administrator gave), plus the system calls of the machine.
 */
export function defaultSeccomp(
  granted: readonly string[],
  facts: Pick<HostFacts, 'architecture' | 'kernel'>,
): SpecSeccomp {
  const machine = Object.hasOwn(profile.byArchitecture, facts.architecture)
    ? profile.byArchitecture[facts.architecture]
    : undefined;
  const extras = granted.flatMap((name) => {
    const extra = Object.hasOwn(profile.withCapability, name) ? profile.withCapability[name] : undefined;
    return extra ? [extra] : [];
  });
  const removed = extras.flatMap(({ removes }) => removes ?? []);
  const rules: Rule[] = [
    ...profile.withoutCapabilities
      .filter((rule) => !removed.some((gone) => same(rule, gone)))
      .filter((rule) => !(rule.names.includes('ptrace') && tracerCanDodge(facts.kernel))),
    ...(machine && machine.adds.length > 0 ? [{ names: machine.adds, action: 'SCMP_ACT_ALLOW' }] : []),
    ...extras.flatMap(({ adds }) => adds),
  ];
  return {
    defaultAction: profile.defaultAction,
    ...(machine && { architectures: [...machine.architectures] }),
    syscalls: rules.map((rule) => syscall(rule, machine?.cloneFlagsArgument ?? 0)),
  };
}
