import { blockIo, parseBlockIoClasses } from '../../../../src/oci/resources/block-io';

const FILE = `
Classes:
  # The default weight, then disks, then those of one kind.
  Low:
    - Weight: 80
    - Devices:
        - /dev/sd[a-z]
        - /dev/vd[a-z]
      ThrottleReadBps: 50M
      ThrottleWriteBps: 10M
      ThrottleReadIOPS: 10k
      ThrottleWriteIOPS: 5k
      Weight: 50
    - Devices: ["/dev/disk/by-id/*SSD*"]
      ThrottleReadBps: 1Gi
  High:
    - Weight: "400"
  Nothing: []
`;

const [sda, vda] = [
  { major: 8, minor: 0 },
  { major: 254, minor: 0 },
];

describe('block I/O classes', () => {
  it('are read with weights and rates as numbers', () => {
    const classes = parseBlockIoClasses(FILE);
    expect([...classes.keys()]).toEqual(['Low', 'High', 'Nothing']);
    expect(classes.get('Low')).toEqual([
      { weight: 80, rates: {} },
      {
        devices: ['/dev/sd[a-z]', '/dev/vd[a-z]'],
        weight: 50,
        rates: {
          throttleReadBpsDevice: 50_000_000n,
          throttleWriteBpsDevice: 10_000_000n,
          throttleReadIOPSDevice: 10_000n,
          throttleWriteIOPSDevice: 5_000n,
        },
      },
      { devices: ['/dev/disk/by-id/*SSD*'], rates: { throttleReadBpsDevice: 1_073_741_824n } },
    ]);
    expect(classes.get('High')).toEqual([{ weight: 400, rates: {} }]);
  });

  it('become a spec in which the last rule for a device wins', () => {
    const rules = parseBlockIoClasses(FILE).get('Low') ?? [];
    const devicesOf = (patterns: readonly string[]) =>
      patterns.flatMap((pattern) => ({ '/dev/sd[a-z]': [sda], '/dev/vd[a-z]': [vda] })[pattern] ?? [sda]);
    expect(blockIo(rules, devicesOf)).toEqual({
      weight: 80,
      weightDevice: [
        { ...sda, weight: 50 },
        { ...vda, weight: 50 },
      ],
      throttleReadBpsDevice: [
        { ...sda, rate: 1_073_741_824n },
        { ...vda, rate: 50_000_000n },
      ],
      throttleWriteBpsDevice: [
        { ...sda, rate: 10_000_000n },
        { ...vda, rate: 10_000_000n },
      ],
      throttleReadIOPSDevice: [
        { ...sda, rate: 10_000n },
        { ...vda, rate: 10_000n },
      ],
      throttleWriteIOPSDevice: [
        { ...sda, rate: 5_000n },
        { ...vda, rate: 5_000n },
      ],
    });
  });

  it('leave everything as it is for a class that says nothing, or whose devices are not there', () => {
    const classes = parseBlockIoClasses(FILE);
    expect(blockIo(classes.get('Nothing') ?? [], () => [sda])).toEqual({});
    expect(blockIo(classes.get('Low') ?? [], () => [])).toEqual({ weight: 80 });
    expect(parseBlockIoClasses('').size).toBe(0);
  });

  it.each([
    ['Other: {}', 'Other: unknown key'],
    ['Classes: []', 'Classes: is no table'],
    ['Classes: {A: 1}', 'Classes.A: is no list'],
    ['Classes: {A: [1]}', 'Classes.A[0]: is no table'],
    ['Classes: {A: [{Wait: 1}]}', 'Classes.A[0].Wait: unknown key'],
    ['Classes: {A: [{Devices: 1}]}', 'Classes.A[0].Devices: is no list of paths'],
    ['Classes: {A: [{Weight: heavy}]}', 'Classes.A[0].Weight: "heavy" is no quantity'],
    ['Classes: {A: [{Weight: 9}]}', 'Classes.A[0].Weight: 9 is out of range'],
    ['Classes: {A: [{Weight: 1001}]}', 'Classes.A[0].Weight: 1001 is out of range'],
    ['Classes: {A: [{Devices: [a], ThrottleReadBps: -1}]}', 'Classes.A[0].ThrottleReadBps: -1 is out of range'],
    ['Classes: {A: [{ThrottleReadBps: 1M}]}', 'Classes.A[0].ThrottleReadBps: needs Devices'],
  ])('are refused as %s', (text, problem) => {
    expect(() => parseBlockIoClasses(text)).toThrow(problem);
  });
});
