import { parseRdtClasses } from '../../../../src/oci/resources/rdt';

const FILE = `
options:
  l3: {optional: true}
partitions:
  exclusive:
    l3Allocation: "60%"
    classes:
      Gold:
        l3Allocation: "100%"
        kubernetes:
          denyPodAnnotation: true
      Silver:
  shared:
    classes:
      Bronze: {kubernetes: {denyContainerAnnotation: true}}
  empty:
    l3Allocation: "20%"
`;

describe('RDT classes', () => {
  it('are those of all partitions, with who may not ask for them', () => {
    expect([...parseRdtClasses(FILE)]).toEqual([
      ['Gold', { denyPodAnnotation: true, denyContainerAnnotation: false }],
      ['Silver', { denyPodAnnotation: false, denyContainerAnnotation: false }],
      ['Bronze', { denyPodAnnotation: false, denyContainerAnnotation: true }],
    ]);
    expect(parseRdtClasses('').size).toBe(0);
  });

  it.each([
    ['partitions: 1', 'partitions: is no table'],
    ['partitions: {a: 1}', 'partitions.a: is no table'],
    ['partitions: {a: {classes: []}}', 'partitions.a.classes: is no table'],
    ['partitions: {a: {classes: {b: {kubernetes: 1}}}}', 'partitions.a.classes.b.kubernetes: is no table'],
  ])('are refused as %s', (text, problem) => {
    expect(() => parseRdtClasses(text)).toThrow(problem);
  });
});
