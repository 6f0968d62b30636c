import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The server, which ends by itself as soon as it serves: what it has used by then is what a start needs. */
const END_WHEN_SERVING = `
const { write } = process.stderr;
process.stderr.write = function (text, ...rest) {
  if (String(text).includes('"serving"')) setImmediate(() => process.kill(process.pid, 'SIGTERM'));
  return write.call(this, text, ...rest);
};`;

/**
 * Writes dist/crisp.js.cache: what V8 has compiled of dist/crisp.js when a server without a containerd serves. bin/crisp
 * takes it; without it, or with another release of Node, a start compiles for itself. Says so when there is none to write.
 */
export function writeCodeCache(root) {
  const dir = mkdtempSync(join(tmpdir(), 'crisp-build-'));
  try {
    const at = (name) => JSON.stringify(join(dir, name));
    const hook = join(dir, 'end.cjs');
    writeFileSync(hook, END_WHEN_SERVING);
    const config = join(dir, 'config.toml');
    const places = ['root', 'state', 'cri_root', 'cri_state'].map((key) => `${key} = ${at(key)}`);
    const containerd = `[containerd]\naddress = ${at('no-containerd.sock')}`;
    writeFileSync(config, [`listen = ${at('crisp.sock')}`, ...places, containerd].join('\n'));
    const argv = ['--require', hook, join(root, 'bin/crisp'), 'serve', '--config', config];
    const env = { ...process.env, CRISP_WRITE_CODE_CACHE: '1' };
    const { status, stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8', timeout: 60_000 });
    if (status !== 0)
      console.warn(`nothing is compiled beforehand, since the server ended with code ${status}: ${stderr}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
