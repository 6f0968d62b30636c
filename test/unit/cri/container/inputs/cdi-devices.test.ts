import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../../../src/base/logger';
import { resolveCdi } from '../../../../../src/cri/container/inputs/cdi-devices';
import { CdiFiles } from '../../../../../src/cri/container/inputs/cdi-files';
import type { HostDevice } from '../../../../../src/oci/inputs';
import { StoryRig } from '../../../../support/story-rig';

const WHOLE = { path: '/dev/whole', type: 'c', major: 10, minor: 5 };
const OPEN = { path: '/dev/open' };
const FOUND: HostDevice = { path: '/dev/whole', type: 'c', major: 10, minor: 5, fileMode: 0o600, uid: 0, gid: 0 };

describe('resolveCdi', () => {
  const dir = mkdtempSync(join(tmpdir(), 'crisp-cdi-'));
  let rig: StoryRig;

  beforeAll(async () => {
    rig = await StoryRig.start();
    const devices = [WHOLE, OPEN].map((node) => ({
      name: node.path.slice(5),
      containerEdits: { deviceNodes: [node] },
    }));
    writeFileSync(join(dir, 'thing.json'), JSON.stringify({ cdiVersion: '0.6.0', kind: 'example.org/thing', devices }));
  });

  afterAll(async () => {
    await rig.close();
    rmSync(dir, { recursive: true });
  });

  async function nodesOf(name: string, devicesAt: (path: string) => Promise<HostDevice[]>) {
    rig.host.devicesAt = devicesAt;
    const deps = { ...rig.deps, cdiFiles: new CdiFiles([dir], silentLogger) };
    const edits = await resolveCdi(deps, { CDIDevices: [{ name: `example.org/thing=${name}` }], annotations: {} });
    return edits?.deviceNodes;
  }

  const missing = async (): Promise<HostDevice[]> => {
    throw new Error('ENOENT');
  };

  it('takes the mode of a node from the host, which need not have one that the file describes', async () => {
    expect(await nodesOf('whole', async () => [FOUND])).toMatchObject([{ ...WHOLE, fileMode: 0o600 }]);
    const [node] = (await nodesOf('whole', missing)) ?? [];
    expect(node).toMatchObject(WHOLE);
    expect(node?.fileMode).toBeUndefined();
  });

  it('fails when the host has none that the file leaves to it', async () => {
    await expect(nodesOf('open', missing)).rejects.toThrow('ENOENT');
  });
});
