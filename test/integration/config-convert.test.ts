import { execFileSync } from 'node:child_process';
import { convertContainerdConfig } from '../../src/config/convert';
import { parseConfig } from '../../src/config/load';
import { containerdPrograms, isAtHand } from '../support/daemon/containerd';

describe.each((['1.6', '2'] as const).filter(isAtHand))('the configuration that containerd %s prints', (version) => {
  it('is converted whole, and differs from the defaults of crisp in a few keys', () => {
    const { containerd } = containerdPrograms(version);
    const source = execFileSync(containerd, ['config', 'default'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { toml, warnings } = convertContainerdConfig(source);
    expect(warnings).toEqual([]);
    const { sandbox_image: ours, ...usual } = parseConfig('');
    const { sandbox_image: image, ...config } = parseConfig(toml);
    expect(image).toMatch(/^registry\.k8s\.io\/pause:/);
    // From 2.0 on pods may bind low ports and ping; before they may not.
    const unprivileged = version === '2' ? {} : { enable_unprivileged_ports: false, enable_unprivileged_icmp: false };
    expect(config).toEqual({ ...usual, ...unprivileged });
    expect(ours).toMatch(/^registry\.k8s\.io\/pause:/);
  });
});
