import { ContentDefinition, WriteAction } from '../../../generated/containerd/services/content/v1/content';
import { createClient } from '../../../src/rpc/client/client';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import { notImplemented, type ServiceImpl } from '../../../src/rpc/service';
import { collect, deferred, RpcRig, untilAborted } from './rpc-rig';

type Impl = ServiceImpl<typeof ContentDefinition>;

const request = { digest: 'd', offset: 0n, size: 0n };
const reply = (text: string) => ({ offset: 0n, data: Buffer.from(text) });
const written = (offset: bigint) => ({ action: WriteAction.WRITE, offset, total: 0n, digest: '' });
const chunk = (text: string) => ({
  action: WriteAction.WRITE,
  ref: 'r',
  total: 0n,
  expected: '',
  offset: 0n,
  data: Buffer.from(text),
  labels: {},
});

function implementation(rows: Partial<Impl>): Impl {
  const none: Impl = {
    info: notImplemented,
    update: notImplemented,
    list: notImplemented,
    delete: notImplemented,
    read: notImplemented,
    status: notImplemented,
    listStatuses: notImplemented,
    write: notImplemented,
    abort: notImplemented,
  };
  return { ...none, ...rows };
}

let rig: RpcRig;
beforeEach(() => {
  rig = new RpcRig();
});
afterEach(() => rig.close());

async function serve(rows: Partial<Impl>) {
  const server = rig.server();
  server.addService(ContentDefinition, implementation(rows));
  await server.listen(rig.socket);
  return { server, client: createClient(ContentDefinition, rig.channel()) };
}

describe('A server stream', () => {
  it('answers everything its handler yields, in order', async () => {
    const { client } = await serve({
      async *read({ digest }) {
        for (const text of ['a', 'b', digest]) yield reply(text);
      },
    });
    expect(await collect(client.read(request))).toEqual(['a', 'b', 'd'].map(reply));
  });

  it('fails after what it has yielded when its handler throws', async () => {
    const { client } = await serve({
      async *read() {
        yield reply('a');
        throw new RpcError(Code.DATA_LOSS, 'the rest is gone');
      },
    });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { data } of client.read(request)) seen.push(data.toString());
    })();
    await expect(reading).rejects.toMatchObject({ code: Code.DATA_LOSS, message: 'the rest is gone' });
    expect(seen).toEqual(['a']);
  });

  it('fails at its first reading when it failed before', async () => {
    const { client } = await serve({ info: async () => ({ info: undefined }), read: notImplemented });
    const stream = client.read(request);
    await client.info({ digest: '' }); // a round trip later
    await expect(collect(stream)).rejects.toMatchObject({ code: Code.UNIMPLEMENTED, message: 'Read is not offered' });
  });

  it('is dialled before it is read', async () => {
    const entered = deferred();
    const { client } = await serve({
      async *read(_req, { signal }) {
        entered.resolve();
        yield untilAborted(signal);
      },
    });
    const controller = new AbortController();
    client.read(request, { signal: controller.signal });
    await entered.promise;
    controller.abort(new Error('enough'));
  });

  it.each<{ how: string; code: Code }>([
    { how: 'leaves the loop', code: Code.CANCELLED },
    { how: 'aborts', code: Code.CANCELLED },
    { how: 'is too slow', code: Code.DEADLINE_EXCEEDED },
  ])('tells its handler with $code when the client $how', async ({ how, code }) => {
    const reason = deferred<unknown>();
    let reached = false;
    const { client } = await serve({
      async *read(_req, { signal }) {
        reached = true;
        signal.addEventListener('abort', () => reason.resolve(signal.reason), { once: true });
        yield reply('a');
        await untilAborted(signal);
      },
    });
    const controller = new AbortController();
    const options = { signal: controller.signal, timeoutMs: how === 'is too slow' ? 30 : 0 };
    const readAll = async (): Promise<void> => {
      for await (const _each of client.read(request, options)) {
        if (how === 'leaves the loop') return;
        if (how === 'aborts') controller.abort(new Error('enough'));
      }
    };
    // A deadline may pass before the call is there: then once more, over the connection that is made by now.
    do {
      if (how === 'leaves the loop') await readAll();
      if (how === 'aborts') await expect(readAll()).rejects.toThrow('enough');
      if (how === 'is too slow') await expect(readAll()).rejects.toMatchObject({ code });
    } while (!reached);
    expect(await reason.promise).toMatchObject({ name: 'RpcError', code });
  });

  it('runs no further ahead than the client reads', async () => {
    let yielded = 0;
    const enough = deferred();
    const { client } = await serve({
      info: async () => ({ info: undefined }),
      async *read() {
        for (; yielded < 2000; yielded++) yield { offset: 0n, data: Buffer.alloc(64 * 1024) };
        enough.resolve();
      },
    });
    const iterator = client.read(request)[Symbol.asyncIterator]();
    await iterator.next();
    for (let trips = 0; trips < 50; trips++) await client.info({ digest: '' });
    expect(yielded).toBeLessThan(500);
    for (let next = await iterator.next(); !next.done; next = await iterator.next());
    await enough.promise;
    expect(yielded).toBe(2000);
  });
});

describe('A bidi stream', () => {
  it('answers while it is still asked', async () => {
    const { client } = await serve({
      async *write(requests) {
        let offset = 0n;
        for await (const { data } of requests) {
          offset += BigInt(data.length);
          yield written(offset);
        }
      },
    });
    const call = client.write();
    const responses = call.responses[Symbol.asyncIterator]();
    await call.send(chunk('abc'));
    expect(await responses.next()).toMatchObject({ value: { offset: 3n } });
    await call.send(chunk('de'));
    expect(await responses.next()).toMatchObject({ value: { offset: 5n } });
    call.end();
    expect(await responses.next()).toEqual({ done: true, value: undefined });
    await expect(call.send(chunk('late'))).rejects.toThrow();
  });

  it('may end before its client has', async () => {
    const { client } = await serve({
      async *write(requests) {
        for await (const _first of requests) break;
        yield written(1n);
      },
    });
    const call = client.write();
    await call.send(chunk('abc'));
    expect(await collect(call.responses)).toMatchObject([{ offset: 1n }]);
  });

  it('fails both directions with the status of its handler', async () => {
    const { client } = await serve({
      write: () => {
        throw new RpcError(Code.UNAVAILABLE, 'ref r locked');
      },
    });
    const call = client.write();
    await expect(collect(call.responses)).rejects.toMatchObject({ code: Code.UNAVAILABLE, message: 'ref r locked' });
    await expect(call.send(chunk('abc'))).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });

  it.each(['cancel', 'signal'] as const)('ends in both directions by %s', async (how) => {
    const reason = deferred<unknown>();
    const { client } = await serve({
      async *write(requests, { signal }) {
        signal.addEventListener('abort', () => reason.resolve(signal.reason), { once: true });
        for await (const _each of requests) yield written(1n);
      },
    });
    const controller = new AbortController();
    const call = client.write({ signal: controller.signal });
    const responses = call.responses[Symbol.asyncIterator]();
    await call.send(chunk('a'));
    await responses.next();
    if (how === 'cancel') call.cancel();
    else controller.abort(new Error('enough'));
    const expected = how === 'cancel' ? { code: Code.CANCELLED } : { message: 'enough' };
    await expect(responses.next()).rejects.toMatchObject(expected);
    await expect(call.send(chunk('b'))).rejects.toMatchObject(expected);
    expect(await reason.promise).toMatchObject({ code: Code.CANCELLED });
  });
});
