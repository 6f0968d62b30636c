import type { SpecSeccomp } from '../../../../src/model/spec';
import { defaultCapabilities } from '../../../../src/oci/security/capabilities';
import { defaultSeccomp } from '../../../../src/oci/security/seccomp-default';
import { facts } from '../fixtures';

const CLONE_FLAGS = 2114060288n;

/** The rules about one system call. */
function about(profile: SpecSeccomp, name: string) {
  return (profile.syscalls ?? []).filter(({ names }) => names.includes(name)).map(({ names: _, ...rule }) => rule);
}

const HOLDS: Readonly<Record<string, (argument: bigint, value: bigint) => boolean>> = {
  SCMP_CMP_LT: (argument, value) => argument < value,
  SCMP_CMP_EQ: (argument, value) => argument === value,
  SCMP_CMP_GT: (argument, value) => argument > value,
};

/** Whether a system call passes whose first argument is this one. */
function passes(profile: SpecSeccomp, name: string, argument: number): boolean {
  return about(profile, name).some(({ action, args = [] }) => {
    const holds = args.every(({ index, op, value }) => index === 0 && HOLDS[op]?.(BigInt(argument), value));
    return action === 'SCMP_ACT_ALLOW' && holds;
  });
}

const allow = { action: 'SCMP_ACT_ALLOW' };
const masked = (index: number) => ({ ...allow, args: [{ index, value: CLONE_FLAGS, op: 'SCMP_CMP_MASKED_EQ' }] });

describe('defaultSeccomp', () => {
  const profile = defaultSeccomp(defaultCapabilities(), facts);

  it('refuses what it does not know', () => {
    expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO');
    expect(profile.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
  });

  it.each(['read', 'execve', 'openat2', 'arch_prctl', 'ptrace', 'chroot'])('lets %s through', (name) => {
    expect(about(profile, name)).toContainEqual(allow);
  });

  it.each(['mount', 'unshare', 'setns', 'bpf', 'reboot', 'init_module', 'keyctl', 'open_by_handle_at'])(
    'has no rule for %s',
    (name) => {
      expect(about(profile, name)).toEqual([]);
    },
  );

  it('lets a process fork but not make namespaces', () => {
    expect(about(profile, 'clone')).toEqual([masked(0)]);
    expect(about(profile, 'clone3')).toEqual([{ action: 'SCMP_ACT_ERRNO', errnoRet: 38 }]);
  });

  it('lets through what a granted capability is for', () => {
    const admin = defaultSeccomp(['CAP_SYS_ADMIN', 'CAP_SYS_BOOT'], facts);
    for (const name of ['mount', 'clone', 'clone3', 'unshare', 'reboot']) expect(about(admin, name)).toEqual([allow]);
    expect(about(admin, 'chroot')).toEqual([]);
  });

  it.each([
    ['arm64', ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'], 'cacheflush'],
    ['ppc64le', ['SCMP_ARCH_PPC64LE'], 'swapcontext'],
    ['riscv64', ['SCMP_ARCH_RISCV64'], 'riscv_flush_icache'],
  ])('knows %s', (architecture, architectures, syscall) => {
    const other = defaultSeccomp([], { ...facts, architecture });
    expect(other.architectures).toEqual(architectures);
    expect(about(other, syscall)).toEqual([allow]);
    expect(about(other, 'arch_prctl')).toEqual([]);
  });

  it('looks for the flags of clone where s390x has them', () => {
    expect(about(defaultSeccomp([], { ...facts, architecture: 's390x' }), 'clone')).toEqual([masked(1)]);
    expect(about(defaultSeccomp(['CAP_SYS_ADMIN'], { ...facts, architecture: 's390x' }), 'clone')).toEqual([allow]);
  });

  it('names no architectures on a machine it does not know', () => {
    expect(defaultSeccomp([], { ...facts, architecture: 'constructor' }).architectures).toBeUndefined();
  });

  it('does not let ptrace through before Linux 4.8, where a tracer escapes the filter', () => {
    const old = { ...facts, kernel: { major: 4, minor: 7 } };
    expect(about(defaultSeccomp([], old), 'ptrace')).toEqual([]);
    expect(about(defaultSeccomp(['CAP_SYS_PTRACE'], old), 'ptrace')).toEqual([allow]);
  });

  it.each([0, 1, 2, 10, 16, 17, 37, 39, 41, 42, 43, 44, 45])('lets a socket of the family %i through', (family) => {
    expect(passes(profile, 'socket', family)).toBe(true);
  });

  // AF_ALG, AF_VSOCK, and what no kernel has yet.
  it.each([38, 40, 46, 100, 65_535])('refuses a socket of the family %i', (family) => {
    expect(passes(profile, 'socket', family)).toBe(false);
  });

  it('has one condition in each rule about sockets, since runc takes several on one argument for alternatives', () => {
    expect(about(profile, 'socket').map(({ args }) => args?.length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(about(profile, 'socketcall')).toEqual([allow]); // its arguments lie in memory, where no filter looks
  });

  it('keeps values beyond 31 bits whole', () => {
    expect(about(profile, 'personality')).toContainEqual({
      ...allow,
      args: [{ index: 0, value: 4294967295n, op: 'SCMP_CMP_EQ' }],
    });
  });
});
