import type { FakeRegistry } from '../../support/fake-registry';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { testImage } from '../../support/test-image';
import { ODD_MANIFESTS, ODD_REFUSALS } from '../../support/transport-oddities';

let bench: ImageBench;
let registry: FakeRegistry;

beforeEach(async () => {
  bench = await ImageBench.start();
  registry = await bench.registry();
  for (const [name, oddity] of Object.entries({ ...ODD_MANIFESTS, ...ODD_REFUSALS }))
    registry.oddities.set(name, oddity);
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

const image = testImage(['one']);
const messageOf = async (pull: Promise<unknown>): Promise<string> => {
  const [{ reason }] = (await Promise.allSettled([pull])) as [PromiseRejectedResult];
  return String(reason?.message);
};

describe('The error of a pull says what answered: address, status and media type', () => {
  it.each([
    ['portal-html', 'answered 200 with text/html'],
    ['portal-text', 'answered 200 with text/plain'],
    ['no-media-type', 'answered 200 without a media type'],
    ['broken-json', 'answered 200 with application/json'],
    ['other-json', 'answered 200 with application/json'],
    ['json-list', 'answered 200 with application/json'],
    ['empty', 'answered 200 with text/html'],
    ['login-page', 'answered 403 with text/html'],
    ['proxy-error', 'answered 502 with text/html'],
    ['teapot', 'answered 418 with text/plain'],
  ])('%s', async (repository, words) => {
    const byTag = await messageOf(bench.pull(`${registry.host}/${repository}:latest`));
    expect(byTag).toContain(`${registry.url}/v2/${repository}/manifests/latest ${words}`);
    const byDigest = await messageOf(bench.pull(`${registry.host}/${repository}@${image.manifest.digest}`));
    expect(byDigest).toContain(`${registry.url}/v2/${repository}/manifests/${image.manifest.digest} ${words}`);
    expect(bench.left).toEqual(NOTHING);
  });

  it('of the host that a redirect led to', async () => {
    const portal = await bench.registry();
    portal.interceptors.push((_seen, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>');
      return true;
    });
    registry.interceptors.push((_seen, response) => {
      response.writeHead(302, { Location: `${portal.url}/login?back=s3cret` }).end();
      return true;
    });
    expect(await messageOf(bench.pull(`${registry.host}/a:1`))).toContain(
      `${portal.url}/login?<redacted> answered 200 with text/html`,
    );
  });

  it('without what a server puts into its media type', async () => {
    registry.oddities.set('long', (_asked, response) => {
      response.writeHead(200, { 'Content-Type': `text/${'x'.repeat(5000)}` }).end('x');
      return true;
    });
    expect((await messageOf(bench.pull(`${registry.host}/long:1`))).length).toBeLessThan(500);
  });
});
