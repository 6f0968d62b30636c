import { NamespaceMode } from '../../generated/cri/v1/api';
import { atOnce } from '../base/work/pieces';
import type { Spec, SpecMount } from '../model/spec';
import { sandboxAnnotations } from './annotations';
import { baseSpec } from './base-spec';
import { specSeccomp } from './container-spec';
import type { SandboxSpecInput } from './inputs';
import { hostSysfs, withWritableSysfs } from './mounts';
import { sandboxNamespaces } from './namespaces';
import { OciError } from './oci-error';
import { omitEmpty } from './omit-empty';
import { containerCwd } from './process/cwd';
import { withEnv } from './process/env';
import { containerArgs } from './process/process-args';
import { checkVariables } from './process/process-limits';
import { usernsMappings } from './process/userns';
import { cgroupsPath } from './resources/cgroups-path';
import { oomScoreAdj } from './resources/resources';
import { specVersion } from './spec-version';
import { sandboxSysctls } from './sysctls';

/** The least CPU weight there is: pause sleeps. */
const PAUSE_CPU_SHARES = 2n;
/** Killed after everything else of the pod: without pause, the pod's namespaces are lost. */
const PAUSE_OOM_SCORE = -998;

/** A bind mount in a user namespace keeps these three flags of its source, or the kernel refuses to remount it. */
const BIND_OPTIONS = ['rbind', 'ro', 'nosuid', 'nodev', 'noexec'];

function bind(destination: string, source: string | undefined): SpecMount[] {
  return source ? [{ destination, type: 'bind', source, options: [...BIND_OPTIONS] }] : [];
}

/** resolv.conf is there for VM runtimes, which set up the guest's DNS from it. */
function sandboxMounts({ config, files }: SandboxSpecInput, base: Spec, userns: boolean): SpecMount[] {
  const securityContext = config.linux?.securityContext;
  const options = securityContext?.namespaceOptions;
  const bindSys = userns && options?.network === NamespaceMode.NODE;
  const mounts = [
    ...(base.mounts ?? [])
      .filter(({ destination }) => destination !== '/dev/shm')
      .map((mount) => (bindSys && mount.destination === '/sys' ? hostSysfs() : mount)),
    ...bind('/dev/shm', options?.ipc === NamespaceMode.NODE ? '/dev/shm' : files.shm),
    ...bind('/etc/resolv.conf', files.resolvConf),
  ];
  return securityContext?.privileged ? withWritableSysfs(mounts) : mounts;
}

function pauseArgs({ image }: SandboxSpecInput): string[] {
  const { entrypoint, cmd } = image.config;
  if (entrypoint.length + cmd.length > 0) return containerArgs({ command: [], args: [] }, image.config);
  throw new OciError('sandbox_image', 'the image has neither an entrypoint nor a command', {
    code: 'FAILED_PRECONDITION',
  });
}

/**
 * The OCI spec of a pod's pause container, which holds the pod's namespaces: its root filesystem is read-only, it has
 * no stdio, no resources but the least, and no AppArmor profile. Throws OciError when the request asks for what cannot
 * be given.
 */
export function sandboxSpec(input: SandboxSpecInput): Spec {
  const { id, config, image, facts, settings, handler, features, labels } = input;
  const base = baseSpec(facts);
  const securityContext = config.linux?.securityContext;
  const userns = usernsMappings(securityContext?.namespaceOptions?.usernsOptions);
  const hostNetwork = securityContext?.namespaceOptions?.network === NamespaceMode.NODE;
  const granted = base.process?.capabilities?.bounding ?? [];
  atOnce(checkVariables(image.config.env, 'image.config.Env'));
  const spec: Spec = {
    ...base,
    process: {
      ...base.process,
      user: input.user,
      args: pauseArgs(input),
      env: atOnce(withEnv([], image.config.env)),
      cwd: containerCwd({ workingDir: '' }, image.config),
      selinuxLabel: securityContext?.privileged ? undefined : labels.process || undefined,
      oomScoreAdj: oomScoreAdj(PAUSE_OOM_SCORE, facts, settings),
    },
    root: { path: 'rootfs', readonly: true },
    // Without a UTS namespace the runtime refuses to set a name: it would be the node's.
    ...(config.hostname && !hostNetwork && { hostname: config.hostname }),
    mounts: sandboxMounts(input, base, userns !== undefined),
    annotations: sandboxAnnotations({
      id,
      shimGroup: input.shimGroup,
      config,
      imageName: input.imageName,
      handler,
      features,
    }),
    linux: {
      ...base.linux,
      ...(userns && { uidMappings: userns.uids, gidMappings: userns.gids }),
      namespaces: sandboxNamespaces({
        base: base.linux?.namespaces ?? [],
        options: securityContext?.namespaceOptions,
        netnsPath: input.netnsPath,
        userns: userns !== undefined,
        userNamespacePath: input.userNamespacePath,
        pins: input.pins,
      }),
      sysctl: sandboxSysctls(config, userns !== undefined, settings),
      resources: { ...base.linux?.resources, cpu: { shares: PAUSE_CPU_SHARES } },
      cgroupsPath: cgroupsPath(config.linux?.cgroupParent ?? '', id, handler),
      seccomp: specSeccomp({ ...input, securityContext }, granted),
      mountLabel: labels.mount || undefined,
    },
  };
  return omitEmpty({ ...spec, ociVersion: specVersion(spec, features.ociVersionMin) });
}
