import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourceClassFiles } from '../../../../../src/cri/container/inputs/resource-class-files';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'classes-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const files = (blockIo: string): ResourceClassFiles => {
  const path = join(dir, 'blockio.yaml');
  writeFileSync(path, blockIo);
  return new ResourceClassFiles({ blockIo: path, rdt: join(dir, 'none.yaml') });
};

describe('ResourceClassFiles', () => {
  it('leaves out what is no block device, and what is not there', async () => {
    writeFileSync(join(dir, 'sda'), '');
    const patterns = [`${dir}/sd[a-z]`, '/dev/nul?', '/dev/zero', '/nowhere/*', '/dev/[', `${dir}/absent`];
    const rule = `{Devices: ${JSON.stringify(patterns)}, ThrottleReadBps: 1M}`;
    const classes = files(`Classes:\n  A:\n    - Weight: 100\n    - ${rule}\n`);
    expect(await classes.blockIo('A')).toEqual({ weight: 100 });
    expect(await classes.blockIo('B')).toBeUndefined();
  });

  it('names the file that cannot be used', async () => {
    await expect(files('Classes: 1').blockIo('A')).rejects.toThrow(`${join(dir, 'blockio.yaml')} cannot be used`);
    await expect(files('').rdt('A')).rejects.toThrow(`${join(dir, 'none.yaml')} cannot be used`);
  });
});
