import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../src/config/load';
import { configDocs, defaultToml } from '../../../src/config/render';

describe('defaultToml', () => {
  it('gives the defaults when it is read', () => {
    expect(parseConfig(defaultToml())).toEqual(parseConfig(''));
  });

  it('comments every key and every table that needs it', () => {
    const lines = defaultToml().split('\n');
    const keys = lines.flatMap((line, at) => (/^\w+ = /.test(line) ? [at] : []));
    expect(keys.length).toBeGreaterThan(60);
    for (const at of keys) expect(lines[at - 1]).toMatch(/^# ./);
    expect(lines).toContain('[containerd.runtimes.runc]');
    expect(lines).toContain('[containerd.runtimes.runc.options]');
    expect(lines).toContain('runtime_type = "io.containerd.runc.v2"');
  });
});

describe('configDocs', () => {
  it('is what docs/config.md says', () => {
    const file = readFileSync(join(__dirname, '../../../docs/config.md'), 'utf8');
    expect(file).toBe(configDocs());
  });

  it('names the tables of runtimes by a placeholder', () => {
    expect(configDocs()).toContain('## `[containerd.runtimes.<name>]`');
    expect(configDocs()).toContain('| `address` | `"/run/containerd/containerd.sock"` | socket path');
  });
});
