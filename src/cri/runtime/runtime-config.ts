import { CgroupDriver, type RuntimeConfigResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';

const RUNC = 'io.containerd.runc.v2';

/**
 * Which cgroup driver kubelet must use too: that of the default handler; when it says nothing of its own, that of the
 * first runc handler by name; else systemd where systemd runs the host.
 */
export async function runtimeConfig(deps: Pick<CriDeps, 'handlers' | 'host'>): Promise<RuntimeConfigResponse> {
  return { linux: { cgroupDriver: usesSystemd(deps) ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS } };
}

function usesSystemd(deps: Pick<CriDeps, 'handlers' | 'host'>): boolean {
  const { all } = deps.handlers;
  const byName = [...all].sort((a, b) => (a.name < b.name ? -1 : 1));
  const runc = [deps.handlers.default, ...byName].find((handler) => handler.runtimeType === RUNC);
  return runc ? runc.systemdCgroup : deps.host.facts.systemd;
}
