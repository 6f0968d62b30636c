import { DeadlineError } from '../../../../src/base/wait/deadline';
import type { CallOptions } from '../../../../src/containerd/connection';
import type { ContentWriter } from '../../../../src/containerd/content-writer';
import { ContainerdError } from '../../../../src/containerd/errors';
import type { ImageBackend } from '../../../../src/images/backend';
import { BlobWriter } from '../../../../src/images/pull/blob-writer';
import { layerTimeoutMs } from '../../../../src/images/pull/time-limits';
import { applyLayer, type LayerToUnpack, prepareLayer } from '../../../../src/images/unpack/unpack';
import { Code } from '../../../../src/rpc/code';

const MINUTE_MS = 60_000;
const GIB = 1n << 30n;
const DIFF_ID = 'sha256:diff';

const layerOf = (size: bigint): LayerToUnpack => ({
  snapshotter: 'stargz',
  descriptor: { mediaType: 'layer', digest: 'sha256:blob', size, annotations: {} },
  diffId: DIFF_ID,
  chainId: 'sha256:chain',
  parent: '',
  labels: {},
});
const work = { lease: 'lease', signal: new AbortController().signal };
const prepared = { key: 'extract', mounts: [] };

/** A containerd that notes how it is called. */
function setUp(apply: () => Promise<unknown> = async () => ({ digest: DIFF_ID })) {
  const calls: Record<string, CallOptions | undefined> = {};
  const note =
    (name: string, answer: () => Promise<unknown>) =>
    (_request: unknown, options?: CallOptions): Promise<unknown> => {
      calls[name] = options;
      return answer();
    };
  const snapshots = {
    prepare: note('prepare', async () => []),
    commit: note('commit', async () => undefined),
    remove: note('remove', async () => true),
  };
  const backend = { snapshots, diff: { apply: note('apply', apply) } } as unknown as ImageBackend;
  return { backend, calls };
}

describe('The deadline of what a snapshotter does for a layer', () => {
  it('lets a remote snapshotter fetch while it prepares', async () => {
    const { backend, calls } = setUp();
    await prepareLayer(backend, layerOf(1n), work);
    expect(calls.prepare).toMatchObject({ ...work, timeoutMs: 10 * MINUTE_MS });
  });

  it.each([
    { size: 0n, atLeast: 10 * MINUTE_MS, atMost: 10 * MINUTE_MS },
    { size: GIB, atLeast: 60 * MINUTE_MS, atMost: 120 * MINUTE_MS },
    { size: 10n * GIB, atLeast: 600 * MINUTE_MS, atMost: 1200 * MINUTE_MS },
  ])('grows with the $size bytes to unpack and to commit, and has an end', async ({ size, atLeast, atMost }) => {
    const { backend, calls } = setUp();
    await applyLayer(backend, layerOf(size), prepared, work);
    for (const options of [calls.apply, calls.commit]) {
      expect(options).toMatchObject(work);
      expect(options?.timeoutMs).toBeGreaterThanOrEqual(atLeast);
      expect(options?.timeoutMs).toBeLessThanOrEqual(atMost);
    }
  });

  it('is no fault of the image, and its snapshot is removed', async () => {
    const late = new ContainerdError(Code.DEADLINE_EXCEEDED, 'late', 'Apply');
    const { backend, calls } = setUp(() => Promise.reject(late));
    await expect(applyLayer(backend, layerOf(1n), prepared, work)).rejects.toBe(late);
    expect(Object.keys(calls)).toEqual(['apply', 'remove']);
  });
});

describe('The deadline of committing a blob', () => {
  afterEach(() => void jest.useRealTimers());

  it('ends a commit that containerd never answers', async () => {
    jest.useFakeTimers();
    const writer = { offset: 0n, write: async () => undefined, commit: () => new Promise(() => undefined) };
    const blob = new BlobWriter(writer as unknown as ContentWriter, layerOf(GIB).descriptor, work.signal);
    const outcome = blob.commit({}).catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(layerTimeoutMs(GIB) + 1);
    expect(await outcome).toBeInstanceOf(DeadlineError);
  });
});
