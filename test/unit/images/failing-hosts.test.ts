import type { FakeRegistry } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
import { testImage } from '../../support/test-image';
import { ODD_MANIFESTS } from '../../support/transport-oddities';

let bench: ImageBench;

beforeEach(async () => {
  bench = await ImageBench.start();
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

const image = testImage(['one']);

describe('When hosts fail in different ways', () => {
  const away = '[host."http://127.0.0.1:1"]';
  const answering = (status: number): Promise<FakeRegistry> =>
    bench.registry().then((made) => {
      made.interceptors.push((_seen, response) => {
        response.writeHead(status).end();
        return true;
      });
      return made;
    });

  it.each([404, 401, 403, 400])('an answer of %s wins over a host that is not there', async (status) => {
    const mirror = await answering(status);
    bench.hosts('down.test', `server = "http://127.0.0.1:1"\n[host."${mirror.url}"]`);
    bench.hosts('mirror-down.test', `server = "${mirror.url}"\n${away}`);
    for (const name of ['down.test/a/b:1', `down.test/a/b@${image.manifest.digest}`, 'mirror-down.test/a/b:1']) {
      await expect(bench.pull(name)).rejects.toMatchObject({
        kind: 'other',
        message: expect.stringMatching(new RegExp(`answered ${status}.*ECONNREFUSED|ECONNREFUSED.*answered ${status}`)),
      });
    }
  });

  it('a blob that the mirror does not have is not found though the registry is not there', async () => {
    const mirror = await bench.registry();
    mirror.addManifest('a/b', '1', image.manifest);
    bench.hosts('down.test', `server = "http://127.0.0.1:1"\n[host."${mirror.url}"]`);
    await expect(bench.pull('down.test/a/b:1')).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringMatching(/answered 404.*: not found; .*ECONNREFUSED/),
    });
  });

  it('a mirror that may not say what a tag means does not decide', async () => {
    const mirror = await answering(404);
    bench.hosts('down.test', `server = "http://127.0.0.1:1"\n[host."${mirror.url}"]\ncapabilities = ["pull"]`);
    await expect(bench.pull('down.test/a/b:1')).rejects.toMatchObject({ kind: 'registry' });
    expect(mirror.requests).toEqual([]);
  });

  it.each([
    [404, 503, 'registry'],
    [503, 404, 'other'],
  ])('of two that answer, %s and then %s, the last one decides', async (first, second, kind) => {
    const [mirror, origin] = [await answering(first), await answering(second)];
    bench.hosts('both.test', `server = "${origin.url}"\n[host."${mirror.url}"]`);
    await expect(bench.pull('both.test/a/b:1')).rejects.toMatchObject({ kind });
  });

  it('a page of a network that wants a login decides nothing', async () => {
    const portal = await bench.registry();
    portal.oddities.set('a/b', ODD_MANIFESTS['portal-html']);
    bench.hosts('down.test', `server = "http://127.0.0.1:1"\n[host."${portal.url}"]`);
    await expect(bench.pull('down.test/a/b:1')).rejects.toMatchObject({ kind: 'registry' });
  });
});
