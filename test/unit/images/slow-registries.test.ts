import type { FakeRegistry, Oddity } from '../../support/fake-registry';
import { HOSTILE_BLOBS } from '../../support/hostile-answers';
import { ImageBench } from '../../support/image-bench';
import { testImage } from '../../support/test-image';

let bench: ImageBench;
let registry: FakeRegistry;

beforeEach(async () => {
  bench = await ImageBench.start();
  registry = await bench.registry();
  bench.puller = bench.makePuller({ patienceMs: 50 });
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

const image = testImage(['one', 'two']);
const GONE = new Error('gone');

/** Sends the headers of a blob and a byte of it, and then nothing more. */
const stall: Oddity = ({ kind, data, mediaType }, response) => {
  if (kind !== 'blobs' || data.length < 2) return false;
  response.writeHead(200, { 'Content-Type': mediaType, 'Content-Length': data.length });
  response.write(data.subarray(0, 1));
  return true;
};

/** Sends a byte of a blob now and then. */
const trickle: Oddity = ({ kind, data, mediaType }, response) => {
  if (kind !== 'blobs') return false;
  response.writeHead(200, { 'Content-Type': mediaType, 'Content-Length': data.length });
  let at = 0;
  const timer = setInterval(() => response.write(data.subarray(at, ++at)), 20);
  response.once('close', () => clearInterval(timer));
  return true;
};

/** Answers nothing at all. */
const silent: Oddity = ({ kind }) => kind === 'blobs';

describe.each(Object.entries({ stall, trickle, silent }))(
  'A registry that does this with blobs: %s',
  (_name, oddity) => {
    it('keeps back no image of another registry with the same layers', async () => {
      registry.addImage('slow', '1', image);
      registry.oddities.set('slow', oddity);
      registry.addImage('good', '1', image);
      const controller = new AbortController();
      const slow = bench.pull(`${registry.host}/slow:1`, { signal: controller.signal });
      slow.catch(() => undefined);
      while (registry.count('GET', image.config.digest) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await bench.pull(`${registry.host}/good:1`)).id).toBe(image.config.digest);
      controller.abort(GONE);
      await expect(slow).rejects.toBe(GONE);
    });

    it('does not use up what all pulls together may fetch', async () => {
      const slow: Promise<unknown>[] = [];
      const controller = new AbortController();
      // A slot for each of 32 blobs.
      for (let at = 0; at < 40; at++) {
        const each = testImage([`slow ${at}`]);
        registry.addImage(`slow${at}`, '1', each);
        registry.oddities.set(`slow${at}`, oddity);
        slow.push(bench.pull(`${registry.host}/slow${at}:1`, { signal: controller.signal }));
      }
      for (const each of slow) each.catch(() => undefined);
      registry.addImage('good', '1', image);
      expect((await bench.pull(`${registry.host}/good:1`)).id).toBe(image.config.digest);
      controller.abort(GONE);
      expect((await Promise.allSettled(slow)).map((end) => end.status === 'rejected' && end.reason)).toEqual(
        slow.map(() => GONE),
      );
    });
  },
);

describe.each(Object.keys(HOSTILE_BLOBS))('A registry whose blobs are answered so: %s', (name) => {
  it('ends its own pull, and gives back what that held', async () => {
    registry.addImage('bad', '1', image);
    registry.oddities.set('bad', HOSTILE_BLOBS[name] ?? (() => false));
    registry.addImage('good', '1', image);
    const bad = await Promise.allSettled(Array.from({ length: 40 }, () => bench.pull(`${registry.host}/bad:1`)));
    expect(new Set(bad.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect((await bench.pull(`${registry.host}/good:1`)).id).toBe(image.config.digest);
  });
});

describe('A layer that is on its way', () => {
  it('is unpacked for the image that has it first, though another has begun it', async () => {
    // Only the layers are slow: the pull holds a prepared snapshot of the lowest one by then.
    registry.addImage('slow', '1', image);
    const layers = new Set(image.layers.map(({ digest }) => digest));
    registry.oddities.set('slow', (asked, response) => layers.has(asked.name) && stall(asked, response));
    registry.addImage('good', '1', image);
    const controller = new AbortController();
    const slow = bench.pull(`${registry.host}/slow:1`, { signal: controller.signal });
    slow.catch(() => undefined);
    while (registry.count('GET', image.layers[0]?.digest ?? '') === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await bench.pull(`${registry.host}/good:1`)).id).toBe(image.config.digest);
    controller.abort(GONE);
    await expect(slow).rejects.toBe(GONE);
    expect(bench.left.snapshots).toBe(2);
  });
});

describe('A server that has sent all of a blob', () => {
  it('need not end its answer', async () => {
    registry.addImage('open', '1', image);
    registry.oddities.set('open', ({ kind, data }, response) => {
      if (kind !== 'blobs') return false;
      response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      response.write(data);
      return true;
    });
    expect((await bench.pull(`${registry.host}/open:1`)).id).toBe(image.config.digest);
  });

  it('may have sent it byte by byte', async () => {
    registry.addImage('bytes', '1', image);
    registry.oddities.set('bytes', ({ kind, data }, response) => {
      if (kind !== 'blobs') return false;
      response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      response.socket?.setNoDelay(true);
      for (const byte of data) response.write(Buffer.from([byte]));
      response.end();
      return true;
    });
    expect((await bench.pull(`${registry.host}/bytes:1`)).id).toBe(image.config.digest);
  });
});
