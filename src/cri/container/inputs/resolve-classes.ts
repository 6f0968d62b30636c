import type { PodSandboxConfig } from '../../../../generated/cri/v1/api';
import { errorMessage } from '../../../base/errors';
import type { ContainerSpecInput } from '../../../oci/inputs';
import { type AskedClass, askedClass, type ClassKind } from '../../../oci/resources/resource-classes';
import type { CriDeps } from '../../deps';
import { invalid, notReady } from '../../errors';
import type { NamedContainerConfig } from '../../require';

type Deps = Pick<CriDeps, 'config' | 'resourceClasses' | 'log'>;

/**
 * What the block I/O and RDT classes say that annotations ask for. A class that is not configured, or that who asks may
 * not have, is refused; where no classes are configured at all, one that is asked for is refused or, if so set, ignored.
 */
export async function resolveClasses(
  deps: Deps,
  config: NamedContainerConfig,
  sandboxConfig: PodSandboxConfig,
): Promise<Pick<ContainerSpecInput, 'blockIo' | 'rdtClass'>> {
  const container = { name: config.metadata.name, annotations: config.annotations };
  const asked = (kind: ClassKind): AskedClass | undefined => {
    const found = askedClass(kind, container, sandboxConfig.annotations);
    return found && isOffered(deps, kind, found) ? found : undefined;
  };
  return { ...(await blockIoOf(deps, asked('blockio'))), ...(await rdtOf(deps, asked('rdt'))) };
}

function isOffered(deps: Deps, kind: ClassKind, { name, annotation }: AskedClass): boolean {
  const { containerd } = deps.config;
  if (containerd[`${kind}_config_file`] !== '') return true;
  if (!containerd[`ignore_${kind}_not_enabled_errors`]) {
    throw notReady(`${fieldOf(annotation)}: containerd.${kind}_config_file is not set, so there is no class "${name}"`);
  }
  deps.log.debug('a resource class is ignored, since none are configured', { annotation, class: name });
  return false;
}

async function blockIoOf(deps: Deps, asked: AskedClass | undefined): Promise<Pick<ContainerSpecInput, 'blockIo'>> {
  if (!asked) return {};
  const blockIo = await usable(asked, deps.resourceClasses.blockIo(asked.name));
  if (!blockIo) throw unknownClass(asked);
  return { blockIo };
}

async function rdtOf(deps: Deps, asked: AskedClass | undefined): Promise<Pick<ContainerSpecInput, 'rdtClass'>> {
  if (!asked) return {};
  const found = await usable(asked, deps.resourceClasses.rdt(asked.name));
  if (!found) throw unknownClass(asked);
  const denied = asked.ofPod ? found.denyPodAnnotation : found.denyContainerAnnotation;
  if (denied) throw invalid(fieldOf(asked.annotation), `the class "${asked.name}" is not given by such an annotation`);
  return { rdtClass: asked.name };
}

async function usable<T>({ annotation }: AskedClass, reading: Promise<T>): Promise<T> {
  return reading.catch((error: unknown) => {
    throw notReady(`${fieldOf(annotation)}: ${errorMessage(error)}`);
  });
}

function unknownClass({ annotation, name }: AskedClass): Error {
  return invalid(fieldOf(annotation), `there is no class "${name}"`);
}

function fieldOf(annotation: string): string {
  return `annotations["${annotation}"]`;
}
