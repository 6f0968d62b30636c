import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { CreateContainerRequest, RunPodSandboxRequest } from '../../../generated/cri/v1/api';
import { readRequest } from '../../../src/cri/request-reader';

const request = CreateContainerRequest.fromPartial({
  podSandboxId: 'a',
  config: {
    metadata: { name: 'ü漢', attempt: 3 },
    args: ['', 'x'.repeat(1000)],
    envs: [{ key: 'A', value: Buffer.from([0, 0xff]) }, { key: 'EMPTY' }],
    labels: { a: 'b' },
    linux: { resources: { memoryLimitInBytes: 9223372036854775807n, oomScoreAdj: -3n } },
  },
});
const bytes = Buffer.from(CreateContainerRequest.encode(request).finish());

describe('readRequest', () => {
  it('decodes what the library does', () => {
    const read = readRequest(CreateContainerRequest, bytes);
    expect(read).toEqual(CreateContainerRequest.decode(bytes));
    expect(read.config?.envs.map(({ value }) => value)).toEqual([Buffer.from([0, 0xff]), Buffer.alloc(0)]);
  });

  it('decodes texts as the library does, UTF-8 or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (text) => {
        const field = new BinaryWriter().uint32(18).bytes(text).finish();
        expect(readRequest(RunPodSandboxRequest, field)).toEqual(RunPodSandboxRequest.decode(field));
      }),
    );
    const marked = new BinaryWriter().uint32(18).string('\ufeffa').finish();
    expect(readRequest(RunPodSandboxRequest, marked).runtimeHandler).toBe('\ufeffa');
  });

  it.each([
    ['text', [10, 5, 1]],
    ['value', [18, 4, 50, 2, 18, 5]],
  ])('throws for a %s that ends behind the request', (_what, cut) => {
    expect(() => readRequest(CreateContainerRequest, Uint8Array.from(cut))).toThrow(RangeError);
  });

  it('keeps no memory of a piece that the request is a small part of', () => {
    const piece = Buffer.alloc(1024 * 1024);
    const read = readRequest(CreateContainerRequest, piece.subarray(100, 100 + bytes.copy(piece, 100)));
    piece.fill(1);
    expect(read).toEqual(CreateContainerRequest.decode(bytes));
    const { value } = read.config?.envs[0] ?? {};
    expect(value?.buffer.byteLength).toBeLessThan(64 * 1024);
  });
});
