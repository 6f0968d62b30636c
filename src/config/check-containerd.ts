import { parseToml } from './load';
import type { Config } from './schema';
import { isTable } from './setting';

/** The plugin that serves containerd's own CRI, on every release. */
const OWN_CRI = 'io.containerd.grpc.v1.cri';

/**
 * Answers what is wrong with containerd's configuration, as `containerd config dump` prints it, on a node of crisp: its own CRI
 * is on, or `kind load` will not find the snapshotter that crisp uses. Each begins with the path of its key. Throws ConfigError
 * for what is not TOML.
 */
export function checkContainerdConfig(
  dump: string,
  { snapshotter }: Pick<Config['containerd'], 'snapshotter'>,
): string[] {
  const file = parseToml(dump);
  return [...ownCri(file), ...shownSnapshotter(file, snapshotter)];
}

function ownCri({ disabled_plugins: disabled }: Record<string, unknown>): string[] {
  if (Array.isArray(disabled) && disabled.includes(OWN_CRI)) return [];
  return [`disabled_plugins: "${OWN_CRI}" is missing: beside containerd’s own CRI crisp serves nothing and waits`];
}

/** kind 0.33 reads the snapshotter where the CRI plugin has it, also when that is off, and has containerd unpack into it. */
function shownSnapshotter(file: Record<string, unknown>, wanted: string): string[] {
  const isNew = Number(file.version) >= 3; // containerd 2 prints its newest version, whatever its file has
  const path = isNew ? ['io.containerd.cri.v1.images', 'snapshotter'] : [OWN_CRI, 'containerd', 'snapshotter'];
  const shown = path.reduce<unknown>((table, key) => (isTable(table) ? table[key] : undefined), file.plugins);
  if (shown === wanted) return [];
  const [plugin, ...rest] = path;
  const key = [`plugins."${plugin}"`, ...rest].join('.');
  if (shown !== undefined && shown !== '') {
    const problem = `is ${JSON.stringify(shown)}, but crisp uses "${wanted}"`;
    return [`${key}: ${problem}: \`kind load\` unpacks images into the wrong one`];
  }
  return isNew
    ? [`${key}: is not set: \`kind load\` needs it, though the plugin is off; set it to "${wanted}"`]
    : [`${key}: is not shown: containerd 1.x prints nothing of a plugin that is off, and \`kind load\` needs it`];
}
