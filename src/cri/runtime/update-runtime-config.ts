import type { UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';

/** kubelet tells the pod CIDR; afterwards a CNI configuration exists if a template is configured and there was none. */
export async function updateRuntimeConfig(
  deps: Pick<CriDeps, 'networksOf' | 'handlers' | 'config' | 'log'>,
  req: UpdateRuntimeConfigRequest,
): Promise<UpdateRuntimeConfigResponse> {
  const podCidr = req.runtimeConfig?.networkConfig?.podCidr ?? '';
  const template = deps.config.cni.conf_template;
  if (podCidr === '' || template === '') return {};
  const networks = deps.networksOf(deps.handlers.default);
  if ((await networks.status()).ready) return {};
  await networks.writeFromTemplate(template, podCidr.split(','));
  return {};
}
