import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkContainerdConfig } from '../../src/config/check-containerd';
import { parseConfig } from '../../src/config/load';
import { type ContainerdVersion, containerdPrograms, isAtHand } from '../support/daemon/containerd';
import { checkout } from '../support/daemon/places';

const dir = mkdtempSync(join(tmpdir(), 'config-check-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** What README has an operator write into containerd's file. */
function readmeConfig(version: ContainerdVersion): string {
  const blocks = readFileSync(join(checkout(), 'README.md'), 'utf8').matchAll(/```toml\n([^`]*)```/g);
  const wanted = version === '1.6' ? 'version = 2\n' : 'version = 3\n';
  const found = [...blocks].map(([, text = '']) => text).find((text) => text.startsWith(wanted));
  if (found === undefined) throw new Error(`README has no configuration for containerd ${version}`);
  return found;
}

function dump(version: ContainerdVersion, text: string): string {
  const file = join(dir, `${version}.toml`);
  writeFileSync(file, text);
  return execFileSync(containerdPrograms(version).containerd, ['--config', file, 'config', 'dump'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

const { containerd } = parseConfig('');

(isAtHand('2') ? describe : describe.skip)('containerd 2.x, configured as README says,', () => {
  it('prints all that is needed, also the snapshotter of a plugin that is off', () => {
    expect(checkContainerdConfig(dump('2', readmeConfig('2')), containerd)).toEqual([]);
  });

  it('prints no snapshotter unless it is told one', () => {
    const withoutTables = readmeConfig('2').replace(/^\[plugins[\s\S]*/m, '');
    expect(checkContainerdConfig(dump('2', withoutTables), containerd)).toEqual([
      expect.stringContaining('.snapshotter: is not set'),
    ]);
  });
});

describe('containerd 1.6', () => {
  it('prints nothing of a plugin that is off, whatever its file has', () => {
    const table = '\n[plugins."io.containerd.grpc.v1.cri".containerd]\nsnapshotter = "overlayfs"\n';
    for (const more of ['', table]) {
      expect(checkContainerdConfig(dump('1.6', readmeConfig('1.6') + more), containerd)).toEqual([
        expect.stringContaining('.snapshotter: is not shown'),
      ]);
    }
  });
});
