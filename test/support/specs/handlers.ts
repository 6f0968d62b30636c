import type { Mask } from '../record/compare';
import { fixture } from './files';
import type { Release } from './make-specs';

const RUNC = { runtime_type: 'io.containerd.runc.v2' };

/** Handlers beside the default one, by the keys that both runtimes have for them. */
export const HANDLERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  annotated: { ...RUNC, pod_annotations: ['example.org/*'], container_annotations: ['example.org/*'] },
  deviceless: { ...RUNC, privileged_without_host_devices: true },
  allowing: {
    ...RUNC,
    privileged_without_host_devices: true,
    privileged_without_host_devices_all_devices_allowed: true,
  },
  based: { ...RUNC, base_runtime_spec: fixture('base.json') },
};

/** Settings that both have under the same keys, beside those that every plugin of the tests has. */
export function settings(release: Release): Record<string, unknown> {
  return release === '2' ? { enable_cdi: true, cdi_spec_dirs: [fixture('cdi')] } : {};
}

/** Those that every plugin of the tests has (`pluginSettings`). */
export const USUAL = {
  restrict_oom_score_adj: true,
  netns_mounts_under_state_dir: true,
  tolerate_missing_hugetlb_controller: true,
  enable_unprivileged_ports: true,
  enable_unprivileged_icmp: true,
} as const;

/** What either chooses itself. */
export const CHOSEN: readonly Mask[] = [
  [/cni-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'cni-UUID'],
  [/\/volumes\/[0-9a-f]+/g, '/volumes/NAME'],
  [/\/image-volumes\/[^"]+/g, '/image-volumes/PLACE'],
];

/** The file that one release's specs are recorded in. */
export const recordedFile = (release: Release): string => (release === '2' ? '2.x.json' : '1.6.json');
