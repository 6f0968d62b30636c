import { bandwidth } from '../../../src/cni/bandwidth';
import { BadInputError } from '../../../src/host/bad-input';

const INGRESS = 'kubernetes.io/ingress-bandwidth';
const EGRESS = 'kubernetes.io/egress-bandwidth';

describe('bandwidth', () => {
  it('is nothing without annotations', () => {
    expect(bandwidth({ other: '1M' })).toBeUndefined();
  });

  it.each([
    [{ [INGRESS]: '10M' }, { ingressRate: 10_000_000, ingressBurst: 4294967295 }],
    [{ [EGRESS]: '1k' }, { egressRate: 1_000, egressBurst: 4294967295 }],
    [
      { [INGRESS]: '1P', [EGRESS]: '1Gi' },
      { ingressRate: 10 ** 15, ingressBurst: 4294967295, egressRate: 1_073_741_824, egressBurst: 4294967295 },
    ],
  ])('reads %j', (annotations, expected) => {
    expect(bandwidth(annotations)).toEqual(expected);
  });

  it.each([
    [{ [INGRESS]: '999' }, `config.annotations["${INGRESS}"]: "999" is less than 1k bits per second`],
    [{ [EGRESS]: '1001T' }, `config.annotations["${EGRESS}"]: "1001T" is more than 1P bits per second`],
    [{ [EGRESS]: 'fast' }, `config.annotations["${EGRESS}"]: "fast" is not a quantity`],
    [{ [EGRESS]: '' }, `config.annotations["${EGRESS}"]: "" is not a quantity`],
    [{ [INGRESS]: '-10M' }, `config.annotations["${INGRESS}"]: "-10M" is less than 1k bits per second`],
  ])('refuses %j', (annotations, message) => {
    expect(() => bandwidth(annotations)).toThrow(new BadInputError(message));
  });
});
