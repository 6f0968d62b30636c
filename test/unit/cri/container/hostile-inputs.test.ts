import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecurityProfile_ProfileType } from '../../../../generated/cri/v1/api';
import { MAX_FILE_BYTES } from '../../../../src/base/regular-file';
import { createContainer } from '../../../../src/cri/container/create-container';
import { MAX_IMAGE_VOLUMES } from '../../../../src/oci/image-volumes';
import { containerRequest, makeContainer, runPod } from '../../../support/story-pods';
import { useRig } from '../../../support/use-rig';

const volumes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`/data/${i}`, {}]));
const AT = 'docker.io/library/many-volumes:1';
const ABOVE = 'docker.io/library/too-many-volumes:1';
const LONG_ARGUMENT = 'docker.io/library/long-argument:1';

const rig = useRig({
  images: [
    { name: AT, config: { Entrypoint: ['/app'], Volumes: volumes(MAX_IMAGE_VOLUMES) } },
    { name: ABOVE, config: { Entrypoint: ['/app'], Volumes: volumes(MAX_IMAGE_VOLUMES + 1) } },
    { name: LONG_ARGUMENT, config: { Entrypoint: ['/app', 'x'.repeat(131_072)] } },
  ],
});

describe('An image with VOLUMEs', () => {
  it('has as many as there may be', async () => {
    const { id } = (await makeContainer(rig.now, await runPod(rig.now), { image: { image: AT } })).metadata;
    expect(rig.now.deps.containers.get(id)).toBeDefined();
  });

  it.each([
    [ABOVE, 'image.config.Volumes'],
    [LONG_ARGUMENT, 'image.config.Entrypoint[1]'],
  ])('is refused before anything is made when there is more: %s', async (image, field) => {
    const pod = await runPod(rig.now);
    const before = rig.now.fake.calls.length;
    const request = containerRequest(pod, { image: { image } });
    await expect(createContainer(rig.now.deps, request, rig.now.call())).rejects.toMatchObject({ field });
    const made = rig.now.fake.calls.slice(before).filter((call) => /Prepare|View|Create/.test(call));
    expect(made).toEqual([]);
  });

  it('is copied no further when the caller leaves', async () => {
    const pod = await runPod(rig.now);
    const controller = new AbortController();
    let copies = 0;
    const { copyImageVolume } = rig.now.host;
    rig.now.host.copyImageVolume = async (...input) => {
      if (++copies === 3) controller.abort(new Error('the caller has left'));
      await copyImageVolume.apply(rig.now.host, input);
    };
    const request = containerRequest(pod, { image: { image: AT } });
    await expect(createContainer(rig.now.deps, request, rig.now.call(controller.signal))).rejects.toThrow();
    expect(copies).toBe(3);
  });
});

describe('A seccomp profile of the host', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'crisp-profile-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const at = (name: string): string => join(dir, name);

  async function refusal(localhostRef: string): Promise<string> {
    const pod = await runPod(rig.now);
    const seccomp = { profileType: SecurityProfile_ProfileType.Localhost, localhostRef };
    const request = containerRequest(pod, { linux: { securityContext: { seccomp } } });
    const error = await createContainer(rig.now.deps, request, rig.now.call()).catch((thrown: unknown) => thrown);
    return error instanceof Error ? error.message : 'it was made';
  }

  it('is not quoted when it is none', async () => {
    writeFileSync(at('secret'), 'root:$6$secret:19000:0:99999:7:::\n');
    const message = await refusal(at('secret'));
    expect(message).toMatch(/secret" cannot be used: it is not JSON$/);
    expect(message).not.toContain('root:');
  });

  it('is refused when it is larger than it may be', async () => {
    writeFileSync(at('large'), JSON.stringify({ defaultAction: 'x'.repeat(MAX_FILE_BYTES) }));
    expect(await refusal(at('large'))).toMatch(/it is larger than 1048576 bytes$/);
  });

  it('may be a FIFO, of which any number hold up nobody', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    writeFileSync(at('other'), 'read');
    const pod = await runPod(rig.now);
    const seccomp = { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: at('fifo') };
    const all = Array.from({ length: 10 }, (_, attempt) => {
      const metadata = { name: 'app', attempt };
      const request = containerRequest(pod, { metadata, linux: { securityContext: { seccomp } } });
      return createContainer(rig.now.deps, request, rig.now.call()).catch((error: unknown) => error);
    });
    expect(await readFile(at('other'), 'utf8')).toBe('read');
    for (const error of await Promise.all(all)) {
      expect(error).toMatchObject({ message: expect.stringMatching(/it is not a regular file$/) });
    }
  });

  it.each(['/dev/zero', '/proc/kmsg', '/dev/null'])('is not %s', async (path) => {
    expect(await refusal(path)).toMatch(/cannot be used: /);
  });
});
