import type { Pieces } from '../base/pieces';
import { chooseApparmor } from './apparmor';
import { containerCapabilities } from './capabilities';
import { cdiDeviceNames } from './cdi';
import { checkPath } from './check-path';
import { containerCwd } from './cwd';
import { checkDevices } from './devices';
import { containerEnv } from './env';
import type { ContainerSpecInput } from './inputs';
import { checkMounts } from './mounts';
import { checkContainerModes } from './namespaces';
import { OciError } from './oci-error';
import { containerArgs } from './process-args';
import { checkProcessSize } from './process-limits';
import { oomScoreAdj, withResources } from './resources';
import { chooseSeccomp } from './seccomp';
import { checkUser } from './user';
import { containerUserns } from './userns';

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
