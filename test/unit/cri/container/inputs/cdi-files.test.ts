import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CdiFiles } from '../../../../../src/cri/container/inputs/cdi-files';
import { CdiRegistry } from '../../../../../src/oci/cdi/cdi';
import { recordingLogger } from '../../../rpc/rpc-rig';

const SPEC = { cdiVersion: '0.6.0', kind: 'acme.com/gpu', devices: [{ name: '0', containerEdits: { env: ['A=1'] } }] };
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cdi-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('CdiFiles', () => {
  it('reads what is good beside what is odd or broken, of which each is warned of once', async () => {
    const log = recordingLogger();
    const files = new CdiFiles([dir, join(dir, 'absent')], log);
    symlinkSync('/nowhere', join(dir, 'a.json'));
    symlinkSync('/dev', join(dir, 'b.json'));
    execFileSync('mkfifo', [join(dir, 'c.yaml')]);
    mkdirSync(join(dir, 'd.json'));
    writeFileSync(join(dir, 'e.json'), '{');
    writeFileSync(join(dir, 'z.json'), JSON.stringify(SPEC));
    const read = async (): Promise<CdiRegistry> => {
      const registry = CdiRegistry.parse(await files.read());
      files.report(registry.errors);
      return registry;
    };
    expect((await read()).resolve(['acme.com/gpu=0']).env).toEqual(['A=1']);
    await read();
    const warned = (): unknown[] => log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields.file);
    const odd = ['a.json', 'b.json', 'c.yaml', 'e.json'].map((name) => join(dir, name));
    expect(warned()).toEqual(odd);
    writeFileSync(join(dir, 'e.json'), JSON.stringify({ ...SPEC, kind: 'acme.com/nic' }));
    await read();
    writeFileSync(join(dir, 'e.json'), '{');
    await read();
    expect(warned()).toEqual([...odd, join(dir, 'e.json')]);
  });
});
