import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../../src/base/logger';
import { ImageVerifiers } from '../../../../src/cri/image/image-verifiers';
import { PullError } from '../../../../src/images/errors';
import { ImageBench, NOTHING } from '../../../support/image-bench';
import { testImage } from '../../../support/test-image';
import { recordingLogger } from '../../rpc/rpc-rig';

const DIGEST = `sha256:${'a'.repeat(64)}`;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'verifiers-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A verifier that is a shell script. */
function verifier(name: string, script: string, mode = 0o755): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`, { mode });
}

const verifiers = (more: object = {}): ImageVerifiers =>
  new ImageVerifiers({ binDir: dir, maxVerifiers: 10, timeoutMs: 20_000, log: silentLogger, ...more });

function verify(by: ImageVerifiers, signal = new AbortController().signal): Promise<void> {
  const target = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: DIGEST, size: 7n };
  return by.verify({ name: 'docker.io/library/app:1', target, signal });
}

const rejection = (problem: string) => ({
  name: 'PullError',
  kind: 'signature',
  message: `docker.io/library/app:1 (${DIGEST}): ${problem}`,
});

describe('ImageVerifiers', () => {
  it('allow everything where there are none', async () => {
    await verify(verifiers());
    await verify(verifiers({ binDir: join(dir, 'absent') }));
  });

  it('tell each verifier the reference, the digest and the descriptor', async () => {
    const seen = `${dir}.seen`; // beside: everything in the directory is a verifier
    verifier('check', `printf '%s ' "$@" > ${seen}; cat >> ${seen}`);
    await verify(verifiers());
    const flags =
      '-name docker.io/library/app:1 -digest DIGEST -stdin-media-type application/vnd.oci.descriptor.v1+json';
    const descriptor = `{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"${DIGEST}","size":7}`;
    expect(readFileSync(seen, 'utf8')).toBe(`${flags.replace('DIGEST', DIGEST)} ${descriptor}`);
    rmSync(seen);
  });

  it('reject what one of them rejects, with its reason', async () => {
    verifier('a', 'exit 0');
    verifier('b', 'echo "  not signed by us  "; echo noise >&2; exit 3');
    await expect(verify(verifiers())).rejects.toMatchObject(
      rejection('the verifier b rejected it (exit code 3): not signed by us'),
    );
  });

  it('reject what one of them cannot be asked about', async () => {
    verifier('broken', 'exit 0', 0o644);
    await expect(verify(verifiers())).rejects.toMatchObject({
      kind: 'signature',
      message: expect.stringMatching(/the verifier broken gave no answer: .*EACCES/),
    });
  });

  it('are asked beside a directory, a link to one and a FIFO, which are warned of once', async () => {
    mkdirSync(join(dir, '..2026_data'));
    symlinkSync('..2026_data', join(dir, '..data'));
    execFileSync('mkfifo', [join(dir, 'fifo')]);
    const log = recordingLogger();
    const asked = verifiers({ log });
    await verify(asked);
    verifier('z', 'exit 1');
    await expect(verify(asked)).rejects.toThrow('the verifier z rejected it');
    expect(log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields.file)).toEqual(
      ['..2026_data', '..data', 'fifo'].map((name) => join(dir, name)),
    );
  });

  it('reject everything when one of them is a link that leads nowhere: what it would say is not known', async () => {
    symlinkSync('/nowhere', join(dir, 'gone'));
    await expect(verify(verifiers())).rejects.toThrow(/the verifier gone gave no answer: .*ENOENT/);
  });

  it('reject what one of them does not answer about in time', async () => {
    verifier('slow', 'exec cat /dev/zero > /dev/null');
    await expect(verify(verifiers({ timeoutMs: 50 }))).rejects.toMatchObject({
      kind: 'signature',
      message: expect.stringContaining('still running after 50 ms, killed'),
    });
  });

  it('are no more than so many, the first by name, and it is said that others are passed over', async () => {
    verifier('a', 'exit 0');
    verifier('b', 'exit 1');
    const log = recordingLogger();
    await verify(verifiers({ maxVerifiers: 1, log }));
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ message: 'some image verifiers are passed over' }),
    ]);
    await verify(verifiers({ maxVerifiers: 0, log }));
    await expect(verify(verifiers({ maxVerifiers: -1 }))).rejects.toThrow('the verifier b rejected it');
  });

  it('end with the pull that asks', async () => {
    verifier('slow', 'exec cat /dev/zero > /dev/null');
    const gone = new AbortController();
    const asking = verify(verifiers(), gone.signal);
    gone.abort(new Error('the caller has gone'));
    await expect(asking).rejects.toThrow('the caller has gone');
  });
});

describe('A pull', () => {
  it('asks what its reference points at to be allowed before anything is fetched, each time', async () => {
    const bench = await ImageBench.start();
    try {
      const registry = await bench.registry();
      const image = testImage(['one']);
      registry.addImage('app', '1', image);
      const asked: unknown[] = [];
      let allowed = false;
      bench.puller = bench.makePuller({
        verify: async ({ name, target }) => {
          asked.push([name, target.digest, bench.left]);
          if (!allowed) throw new PullError('signature', 'not this one');
        },
      });
      const reference = `${registry.host}/app:1`;
      await expect(bench.pull(reference)).rejects.toMatchObject({ kind: 'signature' });
      expect(bench.left).toEqual(NOTHING);
      allowed = true;
      await bench.pull(reference);
      expect(asked).toEqual([
        [reference, image.manifest.digest, NOTHING],
        [reference, image.manifest.digest, NOTHING],
      ]);
      expect(bench.fake.leftovers()).toEqual({});
    } finally {
      await bench.stop();
    }
  });
});
