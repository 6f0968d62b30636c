import { useCrashNode } from '../../support/node/crash-points';
import { killAtEachStep, type Story } from '../../support/node/crash-stories';
import { NGINX } from '../../support/node/node';
import { ensurePulled, nothingLeft } from '../../support/node/pods';

const MINUTE = 60_000;

describe('crisp that is killed at each step', () => {
  const crash = useCrashNode();

  /** Everything that containerd has of images once it has collected its garbage. */
  function stored(): string {
    const { containerd } = crash.now.node;
    containerd.ctr('leases', 'create', '--id', 'collect');
    containerd.ctr('leases', 'delete', '--sync', 'collect');
    return ['images list --quiet', 'content list --quiet', 'snapshots list']
      .map((command) => containerd.ctr(...command.split(' ')))
      .join('\n');
  }

  it(
    'of PullImage has the image, and nothing twice, when it is asked again',
    async () => {
      const { node } = crash.now;
      const spec = { image: NGINX, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
      const pull = () => node.cri.images.pullImage({ image: spec, auth: undefined, sandboxConfig: undefined });
      const without = stored();
      let whole: string | undefined;
      const story: Story<undefined> = {
        prepare: async () => undefined,
        call: pull,
        again: async () => {
          const { imageRef } = await pull();
          expect(await ensurePulled(node, NGINX)).toBe(imageRef);
          const now = stored();
          whole ??= now;
          expect(now).toBe(whole);
        },
        clean: async () => {
          await node.cri.images.removeImage({ image: spec });
          expect(stored()).toBe(without);
        },
      };
      const { kills, missed, wrong } = await killAtEachStep(crash.now, story);
      expect(wrong).toEqual({});
      expect(kills).toBeGreaterThan(8);
      expect(missed.length).toBeLessThan(4); // layers come side by side
      await nothingLeft(node);
    },
    10 * MINUTE,
  );
});
