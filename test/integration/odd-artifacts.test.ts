import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { isAtHand } from '../support/daemon/containerd';
import { nothingLeft } from '../support/node/pods';
import { useNode } from '../support/node/use-node';
import { hostsOf, MIRRORED, MIRRORED_DOMAIN, ODD_ARTIFACTS, ODD_DOMAIN, startOddSite } from '../support/odd-artifacts';

const nodes = useNode();

describe.each((['1.6', '2'] as const).filter(isAtHand))('PullImage of an odd artifact, on containerd %s', (version) => {
  it('has the image, or says what is wrong and leaves nothing', async () => {
    const node = await nodes.start({ version });
    const site = await startOddSite();
    try {
      for (const [domain, text] of Object.entries(hostsOf(site))) {
        mkdirSync(join(node.registry.certsDir, domain), { recursive: true });
        writeFileSync(join(node.registry.certsDir, domain, 'hosts.toml'), text);
      }
      const wrong: Record<string, string> = {};
      for (const [domain, artifacts] of [
        [ODD_DOMAIN, ODD_ARTIFACTS],
        [MIRRORED_DOMAIN, MIRRORED],
      ] as const) {
        for (const { repository, becomes } of artifacts) {
          const reference = `${domain}/${repository}:1`;
          const image = { image: reference, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
          const said = await node.cri.images.pullImage({ image, auth: undefined, sandboxConfig: undefined }).then(
            ({ imageRef }) => imageRef,
            (error: Error) => error.message,
          );
          if (typeof becomes === 'string') await node.cri.images.removeImage({ image });
          if (typeof becomes === 'string' ? said !== becomes : !becomes.test(said)) wrong[reference] = said;
        }
      }
      expect(wrong).toEqual({});
    } finally {
      await site.stop();
    }
    await nothingLeft(node);
  }, 180_000);
});
