import { createPodNetwork } from '../support/daemon/cni';
import { containerdPrograms, startContainerd } from '../support/daemon/containerd';
import { describeLeftovers, leftovers, mountsBelow } from '../support/daemon/leftovers';
import { createScratch, removeScratch } from '../support/daemon/scratch';

describe('a containerd of our own', () => {
  it('starts on directories of its own, starts again on them, and leaves nothing', async () => {
    const dir = createScratch();
    const binDirs = [containerdPrograms('1.6').cniBinDir];
    const network = createPodNetwork({ dir, binDirs, cniVersion: '1.0.0' });
    const containerd = await startContainerd({ version: '1.6', dir });
    try {
      containerd.ctr('images', 'list');
      await containerd.restart();
      const places = { containerd, network, dir, netnsDir: `${dir}/netns`, recordDirs: [`${dir}/none`] };
      expect(describeLeftovers(leftovers(places))).toBe('0');
    } finally {
      await containerd.stop();
      network.remove();
      removeScratch(dir, containerd.address);
    }
    expect(mountsBelow(dir)).toEqual([]);
  }, 60_000);
});
