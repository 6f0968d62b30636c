import { NamespaceMode } from '../../generated/cri/v1/api';
import type { Pieces } from '../base/work/pieces';
import type { Spec, SpecLinux, SpecProcess, SpecSeccomp } from '../model/spec';
import { containerAnnotations } from './annotations';
import { baseSpec, copyOfBaseSpec } from './base-spec';
import { withCdiEdits } from './cdi/cdi-apply';
import { checkAllButProcess } from './check-container';
import type { ContainerSpecInput, SandboxSpecInput } from './inputs';
import { containerMounts, rootfsPropagation, withWritableSysfs } from './mounts';
import { containerNamespaces } from './namespaces';
import { OciError } from './oci-error';
import { omitEmpty } from './omit-empty';
import { containerCwd } from './process/cwd';
import { containerEnv } from './process/env';
import { containerArgs } from './process/process-args';
import { checkProcessSize, checkVariables } from './process/process-limits';
import { containerUserns } from './process/userns';
import { cgroupsPath } from './resources/cgroups-path';
import { containerDevices } from './resources/devices';
import { oomScoreAdj, withResources } from './resources/resources';
import { chooseApparmor } from './security/apparmor';
import { containerCapabilities } from './security/capabilities';
import { chooseSeccomp } from './security/seccomp';
import { defaultSeccomp } from './security/seccomp-default';
import { hiddenPaths } from './security/security';
import { specVersion } from './spec-version';

/** What the host's cgroup2 mount is remounted with by a mount in its cgroup namespace. */
const CGROUP2_OPTIONS = new Set([
  'nsdelegate',
  'memory_recursiveprot',
  'favordynmods',
  'memory_localevents',
  'memory_hugetlb_accounting',
]);

function isPrivileged({ config }: ContainerSpecInput): boolean {
  return config.linux?.securityContext?.privileged ?? false;
}

/** The profile of a container or a pause container, for the capabilities it has; `before` is the base spec's. */
export function specSeccomp(
  input: Pick<SandboxSpecInput, 'facts' | 'settings' | 'seccompProfile'> & Parameters<typeof chooseSeccomp>[0],
  granted: readonly string[],
  before?: SpecSeccomp,
): SpecSeccomp | undefined {
  const choice = chooseSeccomp(input);
  if (choice.kind === 'none') return undefined;
  if (choice.kind === 'unset') return before;
  if (choice.kind === 'default') return defaultSeccomp(granted, input.facts);
  if (input.seccompProfile) return input.seccompProfile;
  throw new OciError('config.linux.security_context.seccomp', `the profile ${choice.path} was not read`);
}

function apparmorProfile(input: ContainerSpecInput, before: string | undefined): string | undefined {
  const { config, facts, settings } = input;
  const choice = chooseApparmor({ securityContext: config.linux?.securityContext, facts, settings });
  if (choice.kind === 'none') return undefined;
  return choice.kind === 'unset' ? before : choice.name;
}

function* specProcess(input: ContainerSpecInput, base: Spec): Pieces<SpecProcess> {
  const { config, image, sandboxConfig, facts, settings, labels } = input;
  const securityContext = config.linux?.securityContext;
  const resources = config.linux?.resources;
  return {
    ...base.process,
    terminal: config.tty,
    user: { ...base.process?.user, ...input.user },
    args: containerArgs(config, image.config),
    env: yield* containerEnv({
      base: base.process?.env,
      hostname: sandboxConfig.hostname || facts.hostname,
      imageEnv: image.config.env,
      envs: config.envs,
      tty: config.tty,
    }),
    cwd: containerCwd(config, image.config, base.process?.cwd),
    capabilities: containerCapabilities({ securityContext, facts, base: base.process?.capabilities }),
    noNewPrivileges: securityContext?.noNewPrivs ?? false,
    apparmorProfile: apparmorProfile(input, base.process?.apparmorProfile),
    selinuxLabel: isPrivileged(input) ? undefined : labels.process || undefined,
    ...(resources && { oomScoreAdj: oomScoreAdj(resources.oomScoreAdj, facts, settings) }),
  };
}

function specMounts(input: ContainerSpecInput, base: Spec) {
  const { config, sandboxConfig, handler, facts } = input;
  const privileged = isPrivileged(input);
  const pod = sandboxConfig.linux?.securityContext?.namespaceOptions;
  const mounts = containerMounts({
    base: base.mounts ?? [],
    config,
    mounts: input.mounts,
    volumes: input.volumes,
    files: input.sandbox.files,
    userns: containerUserns(pod?.usernsOptions, config.linux?.securityContext?.namespaceOptions?.usernsOptions),
    hostNetwork: pod?.network === NamespaceMode.NODE,
    // On cgroup v1 there is no cgroup namespace: a writable mount would be the host's.
    cgroupWritable: privileged || (handler.cgroupWritable && facts.cgroup2),
    // A privileged container shares the host's cgroup namespace, and its mount would take these from the host's.
    cgroupOptions:
      privileged && facts.cgroup2
        ? (input.cgroupMountOptions ?? []).filter((option) => CGROUP2_OPTIONS.has(option))
        : [],
  });
  return privileged ? withWritableSysfs(mounts) : mounts;
}

function specLinux(input: ContainerSpecInput, base: Spec, granted: readonly string[]): SpecLinux {
  const { config, sandboxConfig, facts, settings, handler } = input;
  const linux = base.linux ?? {};
  const securityContext = config.linux?.securityContext;
  const options = securityContext?.namespaceOptions;
  const userns = containerUserns(
    sandboxConfig.linux?.securityContext?.namespaceOptions?.usernsOptions,
    options?.usernsOptions,
  );
  const { devices, rules } = containerDevices({
    base: { devices: linux.devices, rules: linux.resources?.devices },
    config,
    devices: input.devices,
    hostDevices: input.hostDevices,
    handler,
    settings,
  });
  return {
    ...linux,
    ...(userns && { uidMappings: userns.uids, gidMappings: userns.gids }),
    namespaces: containerNamespaces({
      base: linux.namespaces ?? [],
      options,
      sandboxPid: input.sandbox.pid,
      pins: input.sandbox.pins,
      targetPid: input.targetPid,
      userns: userns !== undefined,
      cgroup: facts.cgroup2 && !isPrivileged(input),
    }),
    devices,
    resources: {
      // As from containerd's plugin, both are there once a request has any resources.
      ...(config.linux?.resources && { cpu: {}, memory: {} }),
      ...withResources(linux.resources ?? {}, config.linux?.resources, facts, settings),
      devices: rules,
      ...(input.blockIo && { blockIO: input.blockIo }),
    },
    ...(input.rdtClass && { intelRdt: { closID: input.rdtClass } }),
    cgroupsPath: cgroupsPath(sandboxConfig.linux?.cgroupParent ?? '', input.id, handler),
    seccomp: specSeccomp({ ...input, securityContext }, granted, linux.seccomp),
    rootfsPropagation: rootfsPropagation(config.mounts, linux.rootfsPropagation),
    ...hiddenPaths(securityContext, linux, settings),
    mountLabel: input.labels.mount || undefined,
  };
}

/** Once more, with what base spec and CDI devices have added. */
function* checkProcess(process: SpecProcess | undefined): Pieces<void> {
  yield* checkVariables(process?.env ?? [], 'process.env');
  if (process) yield* checkProcessSize(process, 'config.args');
}

/**
 * The OCI spec of a container: the base (generated, or the handler's own), with all that the request, the pod and the
 * image say laid over it, and CDI devices last. Throws OciError when the request asks for what cannot be given.
 */
export function* containerSpec(input: ContainerSpecInput): Pieces<Spec> {
  checkAllButProcess(input);
  const base = input.base ? copyOfBaseSpec(input.base) : baseSpec(input.facts);
  const process = yield* specProcess(input, base);
  const spec: Spec = {
    ...base,
    process,
    root: {
      path: 'rootfs',
      readonly: (base.root?.readonly || input.config.linux?.securityContext?.readonlyRootfs) ?? false,
    },
    mounts: specMounts(input, base),
    annotations: containerAnnotations({
      base: base.annotations,
      sandboxId: input.sandbox.id,
      shimGroup: input.sandbox.shimGroup,
      config: input.config,
      sandboxConfig: input.sandboxConfig,
      imageName: input.imageName,
      handler: input.handler,
      features: input.features,
    }),
    linux: specLinux(input, base, process.capabilities?.bounding ?? []),
  };
  const whole = input.cdi ? yield* withCdiEdits(spec, input.cdi) : spec;
  yield* checkProcess(whole.process);
  return omitEmpty({ ...whole, ociVersion: specVersion(whole, input.features.ociVersionMin) });
}
