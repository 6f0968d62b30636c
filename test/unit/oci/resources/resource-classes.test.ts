import { askedClass } from '../../../../src/oci/resources/resource-classes';

const POD = 'rdt.resources.beta.kubernetes.io/pod';
const FOR_APP = 'rdt.resources.beta.kubernetes.io/container.app';
const OWN = 'io.kubernetes.cri.rdt-class';
const container = (annotations: Record<string, string> = {}) => ({ name: 'app', annotations });

describe('askedClass', () => {
  it.each([
    ['nobody asks', {}, {}, undefined],
    ['the pod asks for all', {}, { [POD]: 'gold' }, { name: 'gold', annotation: POD, ofPod: true }],
    [
      'the pod asks for this one too',
      {},
      { [POD]: 'gold', [FOR_APP]: 'tin' },
      { name: 'tin', annotation: FOR_APP, ofPod: true },
    ],
    [
      'the container asks itself',
      { [OWN]: 'iron' },
      { [POD]: 'gold', [FOR_APP]: 'tin' },
      { name: 'iron', annotation: OWN, ofPod: false },
    ],
    ['the container asks for none', { [OWN]: '' }, { [POD]: 'gold' }, undefined],
    ['the pod asks for another one', {}, { 'rdt.resources.beta.kubernetes.io/container.db': 'gold' }, undefined],
    ['another kind of class is asked for', {}, { 'blockio.resources.beta.kubernetes.io/pod': 'gold' }, undefined],
  ])('when %s', (_what, own, pod, expected) => {
    expect(askedClass('rdt', container(own as Record<string, string>), pod as Record<string, string>)).toEqual(
      expected,
    );
  });
});
