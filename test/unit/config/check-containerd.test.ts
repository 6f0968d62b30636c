import { checkContainerdConfig } from '../../../src/config/check-containerd';
import { ConfigError } from '../../../src/config/setting';

const config = { snapshotter: 'overlayfs' };
const off = (version: number): string => `version = ${version}\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n`;
const OLD = 'plugins."io.containerd.grpc.v1.cri".containerd';
const NEW = 'plugins."io.containerd.cri.v1.images"';

describe('checkContainerdConfig', () => {
  it.each([
    [2, OLD],
    [3, NEW],
    [4, NEW],
  ])('is content when a file of version %i shows the snapshotter that crisp uses', (version, table) => {
    const dump = `${off(version)}[${table}]\nsnapshotter = "overlayfs"\n`;
    expect(checkContainerdConfig(dump, config)).toEqual([]);
    expect(checkContainerdConfig(dump, { snapshotter: 'zfs' })).toEqual([
      `${table}.snapshotter: is "overlayfs", but crisp uses "zfs": \`kind load\` unpacks images into the wrong one`,
    ]);
  });

  it.each([
    [3, ''],
    [3, `[${OLD}]\nsnapshotter = "overlayfs"\n`],
    [4, `[${NEW}]\nsnapshotter = ""\n`],
    [3, 'plugins = 1\n'],
  ])('warns when a file of version %i shows none where kind looks: %j', (version, tables) => {
    expect(checkContainerdConfig(off(version) + tables, config)).toEqual([
      `${NEW}.snapshotter: is not set: \`kind load\` needs it, though the plugin is off; set it to "overlayfs"`,
    ]);
  });

  it.each(['', `[${NEW}]\nsnapshotter = "overlayfs"\n`])(
    'does not ask containerd 1.x for what it never shows: %j',
    (tables) => {
      expect(checkContainerdConfig(off(2) + tables, config)).toEqual([
        `${OLD}.snapshotter: is not shown: containerd 1.x prints nothing of a plugin that is off, and \`kind load\` needs it`,
      ]);
    },
  );

  it.each(['', 'disabled_plugins = []', 'disabled_plugins = ["io.containerd.cri.v1.images"]'])(
    'warns when containerd’s own CRI is on: %j',
    (line) => {
      const dump = `version = 3\n${line}\n[${NEW}]\nsnapshotter = "overlayfs"\n`;
      expect(checkContainerdConfig(dump, config)).toEqual([expect.stringMatching(/^disabled_plugins: .* is missing/)]);
    },
  );

  it('refuses what is not TOML', () => {
    expect(() => checkContainerdConfig('= 1', config)).toThrow(ConfigError);
  });
});
