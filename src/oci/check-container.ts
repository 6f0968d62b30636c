import type { Pieces } from '../base/work/pieces';
import { cdiDeviceNames } from './cdi/cdi';
import { checkPath } from './check-path';
import type { ContainerSpecInput } from './inputs';
import { checkMounts } from './mounts';
import { checkContainerModes } from './namespaces';
import { OciError } from './oci-error';
import { containerCwd } from './process/cwd';
import { containerEnv } from './process/env';
import { containerArgs } from './process/process-args';
import { checkProcessSize } from './process/process-limits';
import { checkUser } from './process/user';
import { containerUserns } from './process/userns';
import { checkDevices } from './resources/devices';
import { oomScoreAdj, withResources } from './resources/resources';
import { chooseApparmor } from './security/apparmor';
import { containerCapabilities } from './security/capabilities';
import { chooseSeccomp } from './security/seccomp';

/** What of a container is known before anything is made for it. */
export type ContainerAsked = Pick<
  ContainerSpecInput,
  'config' | 'sandboxConfig' | 'image' | 'features' | 'facts' | 'settings'
>;

/**
 * Throws an OciError for what is wrong with a request, or with its image's configuration, and can be known without a look
 * at the host or into the image. CreateContainer calls it before it makes anything.
 */
export function* checkContainer(asked: ContainerAsked): Pieces<void> {
  checkAllButProcess(asked);
  const { config, sandboxConfig, image } = asked;
  const args = containerArgs(config, image.config);
  const { hostname } = sandboxConfig;
  const { tty, envs } = config;
  const env = yield* containerEnv({ hostname, imageEnv: image.config.env, envs, tty });
  yield* checkProcessSize({ args, env }, 'config.args');
}

/** The same, without arguments and variables: whoever makes the spec's process from them learns of what is wrong there. */
export function checkAllButProcess(asked: ContainerAsked): void {
  const { config, image, features, facts, settings } = asked;
  checkSecurityContext(asked);
  checkMounts(config.mounts, features);
  checkDevices(config.devices);
  cdiDeviceNames(config.CDIDevices, config.annotations);
  containerCwd(config, image.config);
  checkPath(config.logPath, 'config.log_path');
  const resources = config.linux?.resources;
  if (!resources) return;
  withResources({}, resources, facts, settings);
  oomScoreAdj(resources.oomScoreAdj, facts, settings);
}

function checkSecurityContext({ config, sandboxConfig, image, facts, settings }: ContainerAsked): void {
  const field = 'config.linux.security_context';
  const securityContext = config.linux?.securityContext;
  const pod = sandboxConfig.linux?.securityContext;
  if (securityContext?.privileged && !pod?.privileged) {
    throw new OciError(`${field}.privileged`, 'the pod sandbox is not privileged');
  }
  checkContainerModes(securityContext?.namespaceOptions);
  containerUserns(pod?.namespaceOptions?.usernsOptions, securityContext?.namespaceOptions?.usernsOptions);
  checkUser({ field, securityContext, imageUser: image.config.user });
  containerCapabilities({ securityContext, facts });
  chooseSeccomp({ securityContext, facts, settings });
  chooseApparmor({ securityContext, facts, settings });
  for (const part of ['maskedPaths', 'readonlyPaths'] as const) {
    const name = part === 'maskedPaths' ? 'masked_paths' : 'readonly_paths';
    for (const [i, path] of (securityContext?.[part] ?? []).entries()) checkPath(path, `${field}.${name}[${i}]`);
  }
}
