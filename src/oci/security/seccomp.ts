import { posix } from 'node:path';
import {
  type LinuxContainerSecurityContext,
  type LinuxSandboxSecurityContext,
  SecurityProfile_ProfileType as ProfileType,
  type SecurityProfile,
} from '../../../generated/cri/v1/api';
import { readAsGo } from '../../base/json/go-fields';
import type { HostFacts } from '../../model/host-facts';
import type { SpecSeccomp, SpecSyscall } from '../../model/spec';
import { checkPath } from '../check-path';
import { OciError } from '../oci-error';
import type { OciSettings } from '../settings';
import { SECCOMP_SHAPE } from '../spec-shape';
import { profileOf } from './security-profile';

const FIELD = 'config.linux.security_context.seccomp';

/**
 * Which seccomp profile applies. `unset`: nobody asked, a base spec's stays. `none`: privileged, nothing is filtered.
 * `file`: the story reads and parses it (`parseSeccompProfile`).
 */
export type SeccompChoice =
  | { readonly kind: 'unset' }
  | { readonly kind: 'none' }
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly path: string };

export interface SeccompInput {
  readonly securityContext?: LinuxContainerSecurityContext | LinuxSandboxSecurityContext;
  readonly facts: Pick<HostFacts, 'seccomp'>;
  readonly settings: Pick<OciSettings, 'unset_seccomp_profile' | 'seccomp_profile_root'>;
}

function asked({ securityContext, settings }: SeccompInput): SecurityProfile | undefined {
  if (securityContext?.seccomp) return securityContext.seccomp;
  const path = securityContext?.seccompProfilePath;
  if (path) return profileOf(path, 'config.linux.security_context.seccomp_profile_path');
  return settings.unset_seccomp_profile
    ? profileOf(settings.unset_seccomp_profile, 'unset_seccomp_profile')
    : undefined;
}

/** Decides on the profile of a container or a sandbox; the typed field wins over the deprecated path. */
export function chooseSeccomp(input: SeccompInput): SeccompChoice {
  if (input.securityContext?.privileged) return { kind: 'none' };
  const profile = asked(input);
  if (!profile || profile.profileType === ProfileType.Unconfined) return { kind: 'unset' };
  if (!input.facts.seccomp) {
    throw new OciError(FIELD, 'this kernel has no seccomp', { code: 'FAILED_PRECONDITION' });
  }
  if (profile.profileType === ProfileType.Localhost) {
    return { kind: 'file', path: profilePath(profile.localhostRef, input.settings.seccomp_profile_root) };
  }
  if (profile.localhostRef) throw new OciError(`${FIELD}.localhost_ref`, 'is for profile type Localhost only');
  if (profile.profileType === ProfileType.RuntimeDefault) return { kind: 'default' };
  throw new OciError(`${FIELD}.profile_type`, `${profile.profileType} is not a profile type`);
}

/** kubelet sends an absolute path; a relative one starts at the profile root and stays below it. */
function profilePath(ref: string, root: string): string {
  const path = ref.startsWith('localhost/') ? ref.slice('localhost/'.length) : ref;
  if (!path || path.includes('\0') || path.split('/').includes('..')) {
    throw new OciError(`${FIELD}.localhost_ref`, `${JSON.stringify(ref)} is not the path of a profile`);
  }
  checkPath(path, `${FIELD}.localhost_ref`);
  return path.startsWith('/') ? path : posix.join(root, path);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(message: string): OciError {
  return new OciError(`${FIELD}.localhost_ref`, `the profile ${message}`);
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw bad(`has no ${what}`);
  return value;
}

function texts(value: unknown, what: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw bad(`has ${what} that are not a list`);
  return value.map((each) => text(each, what));
}

function integer(value: unknown, what: string): bigint {
  if (typeof value === 'bigint' && value >= 0n) return value;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  throw bad(`has a ${what} that is not a whole number`);
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

function argument(value: unknown): NonNullable<SpecSyscall['args']>[number] {
  if (!isObject(value)) throw bad('has an argument that is not an object');
  return {
    index: Number(integer(value.index ?? 0, 'argument index')),
    value: integer(value.value ?? 0, 'argument value'),
    valueTwo: optional(value.valueTwo, (two) => integer(two, 'second argument value')),
    op: text(value.op, 'operator'),
  };
}

function syscall(value: unknown): SpecSyscall {
  if (!isObject(value)) throw bad('has a system call rule that is not an object');
  return {
    names: texts(value.names, 'names') ?? [],
    action: text(value.action, 'action in a rule'),
    errnoRet: optional(value.errnoRet, (errno) => Number(integer(errno, 'errnoRet'))),
    args: optional(value.args, (args) => {
      if (!Array.isArray(args)) throw bad('has arguments that are not a list');
      return args.map(argument);
    }),
  };
}

/** A profile file's JSON (the spec's own `seccomp` object), checked; throws OciError when it is not one. */
export function parseSeccompProfile(file: unknown): SpecSeccomp {
  const json = readAsGo(file, SECCOMP_SHAPE);
  if (!isObject(json)) throw bad('is not a JSON object');
  const { syscalls } = json;
  if (syscalls !== undefined && syscalls !== null && !Array.isArray(syscalls)) throw bad('has no list of system calls');
  return {
    defaultAction: text(json.defaultAction, 'defaultAction'),
    defaultErrnoRet: optional(json.defaultErrnoRet, (errno) => Number(integer(errno, 'defaultErrnoRet'))),
    architectures: texts(json.architectures, 'architectures'),
    flags: texts(json.flags, 'flags'),
    listenerPath: optional(json.listenerPath, (path) => text(path, 'listenerPath')),
    listenerMetadata: optional(json.listenerMetadata, (data) => text(data, 'listenerMetadata')),
    syscalls: syscalls?.map(syscall),
  };
}
