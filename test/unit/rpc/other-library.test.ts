import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
} from '@grpc/grpc-js';
import { ContentDefinition, WriteAction } from '../../../generated/containerd/services/content/v1/content';
import { createClient } from '../../../src/rpc/client/client';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import { notImplemented, type ServiceImpl } from '../../../src/rpc/service';
import { collect, deferred, RpcRig, untilAborted } from './rpc-rig';

const { info, read, write } = ContentDefinition.methods;
const SERVICE = ContentDefinition.fullName;
const BIG = 3 << 20;
const written = (offset: number) => ({
  ...{ action: WriteAction.WRITE, offset: BigInt(offset), total: 0n, digest: '', startedAt: undefined },
  updatedAt: undefined,
});
const piece = (data: Buffer) => ({
  ...{ action: WriteAction.WRITE, ref: 'r', total: 0n, expected: '', offset: 0n, labels: {} },
  data,
});

let rig: RpcRig;
beforeEach(() => {
  rig = new RpcRig();
});
afterEach(() => rig.close());

// Google's gRPC library shares nothing with ours but Node's HTTP/2.
describe('A client of another library', () => {
  const gone = deferred<unknown>();
  let waited = false;
  const rows: Pick<ServiceImpl<typeof ContentDefinition>, 'info' | 'read' | 'write'> = {
    info: async ({ digest }, { signal, header }) => {
      if (digest === 'fails') throw new RpcError(Code.NOT_FOUND, 'no 100 % of "ü"\n');
      if (digest === 'waits') {
        waited = true;
        signal.addEventListener('abort', () => gone.resolve(signal.reason));
        return untilAborted(signal);
      }
      const labels = { namespace: header?.('containerd-namespace') ?? '' };
      return { info: { digest, size: 1n, createdAt: undefined, updatedAt: undefined, labels } };
    },
    async *read({ size }) {
      for (let offset = 0n; offset < size; offset += 1n) yield { offset, data: Buffer.alloc(BIG, Number(offset)) };
      throw new RpcError(Code.OUT_OF_RANGE, 'that is all');
    },
    async *write(requests) {
      let offset = 0;
      for await (const { data } of requests) {
        offset += data.length;
        yield written(offset);
      }
    },
  };
  let client: Client;
  beforeEach(async () => {
    const server = rig.server();
    const rest = { update: notImplemented, list: notImplemented, delete: notImplemented, status: notImplemented };
    server.addService(ContentDefinition, { ...rest, ...rows, listStatuses: notImplemented, abort: notImplemented });
    await server.listen(rig.socket);
    client = new Client(`unix://${rig.socket}`, credentials.createInsecure());
  });
  afterEach(() => client.close());

  const ask = (digest: string, deadline?: number, metadata = new Metadata()) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/${SERVICE}/Info`,
        (message: { digest: string }) => Buffer.from(info.requestType.encode(message).finish()),
        (bytes) => info.responseType.decode(bytes),
        { digest },
        metadata,
        { deadline },
        (error, reply) => (error ? reject(error) : resolve(reply)),
      );
    });

  it('has its answer, its header, and the status of what fails', async () => {
    const metadata = new Metadata();
    metadata.set('containerd-namespace', 'k8s.io');
    expect(await ask('d', undefined, metadata)).toMatchObject({
      info: { digest: 'd', labels: { namespace: 'k8s.io' } },
    });
    await expect(ask('fails')).rejects.toMatchObject({ code: status.NOT_FOUND, details: 'no 100 % of "ü"\n' });
  });

  it('is told of the deadline that it set, as is the handler', async () => {
    // A deadline may pass before the call is there: then once more, over the connection that is made by now.
    do await expect(ask('waits', Date.now() + 50)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    while (!waited);
    expect(await gone.promise).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  it('is told that there is no such method', async () => {
    const same = (bytes: Buffer): Buffer => bytes;
    const call = new Promise((resolve, reject) => {
      const path = `/${SERVICE}/Nothing`;
      client.makeUnaryRequest(path, same, same, Buffer.alloc(BIG), (error, reply) =>
        error ? reject(error) : resolve(reply),
      );
    });
    await expect(call).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it('reads a stream of large replies and its status', async () => {
    const call = client.makeServerStreamRequest(
      `/${SERVICE}/Read`,
      (message: Parameters<typeof read.requestType.encode>[0]) =>
        Buffer.from(read.requestType.encode(message).finish()),
      (bytes) => read.responseType.decode(bytes),
      { digest: 'd', offset: 0n, size: 4n },
    );
    const sizes: number[] = [];
    const reading = (async () => {
      for await (const { data } of call) sizes.push(data.length);
    })();
    await expect(reading).rejects.toMatchObject({ code: status.OUT_OF_RANGE, details: 'that is all' });
    expect(sizes).toEqual([BIG, BIG, BIG, BIG]);
  });

  it('asks and is answered in turns', async () => {
    const call = client.makeBidiStreamRequest(
      `/${SERVICE}/Write`,
      (message: ReturnType<typeof piece>) => Buffer.from(write.requestType.encode(message).finish()),
      (bytes) => write.responseType.decode(bytes),
    );
    const offsets: bigint[] = [];
    call.write(piece(Buffer.alloc(BIG)));
    for await (const { offset } of call) {
      offsets.push(offset);
      if (offsets.length < 3) call.write(piece(Buffer.alloc(BIG)));
      else call.end();
    }
    expect(offsets).toEqual([BIG, 2 * BIG, 3 * BIG].map(BigInt));
  });
});

describe('A server of another library', () => {
  let server: Server;
  const same = (bytes: Buffer): Buffer => bytes;
  const how = (path: string, requestStream: boolean, responseStream: boolean) => ({
    ...{ path: `/${SERVICE}/${path}`, requestStream, responseStream, requestSerialize: same, responseSerialize: same },
    ...{ requestDeserialize: same, responseDeserialize: same },
  });
  const client = () => createClient(ContentDefinition, rig.channel());
  const encoded = (size: number) =>
    Buffer.from(read.responseType.encode({ offset: 0n, data: Buffer.alloc(size) }).finish());

  beforeEach(async () => {
    server = new Server();
    const table = { info: how('Info', false, false), read: how('Read', false, true), write: how('Write', true, true) };
    server.addService(table, {
      info: (call: { request: Buffer }, callback: (error: object | null, reply?: Buffer) => void) => {
        const { digest } = info.requestType.decode(call.request);
        if (digest === 'waits') return;
        if (digest === 'fails') callback({ code: status.NOT_FOUND, details: 'no 100 % of "ü"\n' });
        else callback(null, Buffer.from(info.responseType.encode({ info: undefined }).finish()));
      },
      read: async (call: { write(bytes: Buffer): boolean; emit(event: string, error: unknown): void }) => {
        for (let count = 0; count < 4; count++) call.write(encoded(BIG));
        call.emit('error', { code: status.OUT_OF_RANGE, details: 'that is all' });
      },
      write: (call: ServerDuplexStream<Buffer, Buffer>) => {
        let offset = 0;
        call.on('error', () => undefined);
        call.on('data', (bytes: Buffer) => {
          offset += write.requestType.decode(bytes).data.length;
          call.write(Buffer.from(write.responseType.encode(written(offset)).finish()));
        });
        call.on('end', () => call.end());
      },
    });
    await new Promise<void>((resolve, reject) => {
      const credential = ServerCredentials.createInsecure();
      server.bindAsync(`unix:${rig.socket}`, credential, (error) => (error ? reject(error) : resolve()));
    });
  });
  afterEach(() => server.forceShutdown());

  it('answers, and fails with its status', async () => {
    expect(await client().info({ digest: 'd' })).toEqual({ info: undefined });
    const failure = { code: Code.NOT_FOUND, message: 'no 100 % of "ü"\n' };
    await expect(client().info({ digest: 'fails' })).rejects.toMatchObject(failure);
    await expect(client().abort({ ref: 'r' })).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });
    const late = client().info({ digest: 'waits' }, { timeoutMs: 30 });
    await expect(late).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  it('streams large replies and its status', async () => {
    const sizes: number[] = [];
    const reading = (async () => {
      for await (const { data } of client().read({ digest: 'd', offset: 0n, size: 0n })) sizes.push(data.length);
    })();
    await expect(reading).rejects.toMatchObject({ code: Code.OUT_OF_RANGE, message: 'that is all' });
    expect(sizes).toEqual([BIG, BIG, BIG, BIG]);
  });

  it('is asked and answers in turns', async () => {
    const call = client().write();
    const responses = call.responses[Symbol.asyncIterator]();
    for (const count of [1, 2, 3]) {
      await call.send(piece(Buffer.alloc(BIG)));
      expect(await responses.next()).toMatchObject({ value: { offset: BigInt(count * BIG) } });
    }
    call.end();
    expect(await responses.next()).toMatchObject({ done: true });
  });

  it('that goes in the middle of a call makes it UNAVAILABLE', async () => {
    const channel = createClient(ContentDefinition, rig.channel());
    await channel.info({ digest: 'd' });
    const cut = channel.info({ digest: 'waits' }).catch((error: unknown) => error);
    const stream = collect(channel.write().responses).catch((error: unknown) => error);
    await channel.info({ digest: 'd' });
    server.forceShutdown();
    expect(await Promise.all([cut, stream])).toEqual([
      expect.objectContaining({ code: Code.UNAVAILABLE }),
      expect.objectContaining({ code: Code.UNAVAILABLE }),
    ]);
    await expect(channel.info({ digest: 'd' })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });
});
