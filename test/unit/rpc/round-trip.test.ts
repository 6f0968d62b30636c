import { EventsDefinition } from '../../../generated/containerd/services/events/v1/events';
import { VersionDefinition, VersionResponse } from '../../../generated/containerd/services/version/v1/version';
import { createClient } from '../../../src/rpc/client/client';
import type { RpcCallError } from '../../../src/rpc/client/rpc-call-error';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import type { Incoming } from '../../../src/rpc/server/incoming';
import type { RpcServerOptions } from '../../../src/rpc/server/server';
import { EncodedMessage, notImplemented, type ServiceImpl } from '../../../src/rpc/service';
import { until } from '../../support/streaming/until';
import { deferred, RpcRig, recordingLogger, untilAborted } from './rpc-rig';

type Impl = ServiceImpl<typeof VersionDefinition>;
type Reason = Incoming['call']['signal']['reason'];
const METHOD = 'containerd.services.version.v1.Version/Version';

describe('A unary call', () => {
  let rig: RpcRig;
  beforeEach(() => {
    rig = new RpcRig();
  });
  afterEach(() => rig.close());

  async function serve(version: Impl['version'], options: Partial<RpcServerOptions> = {}) {
    const server = rig.server(options);
    server.addService(VersionDefinition, { version });
    await server.listen(rig.socket);
    return { server, client: createClient(VersionDefinition, rig.channel()) };
  }

  it('answers what its handler answers', async () => {
    const { client } = await serve(async () => ({ version: '2.1', revision: 'ü€' }));
    expect(await client.version({})).toEqual({ version: '2.1', revision: 'ü€' });
  });

  it('carries more than the 16 MiB that kubelet takes, both ways', async () => {
    const payload = Buffer.alloc(17 << 20, 'x');
    const server = rig.server();
    const got: number[] = [];
    server.addService(EventsDefinition, {
      publish: async ({ event }) => {
        got.push(event?.value.length ?? 0);
        return {};
      },
      forward: notImplemented,
      subscribe: notImplemented,
    });
    server.addService(VersionDefinition, { version: async () => ({ version: payload.toString(), revision: '' }) });
    await server.listen(rig.socket);
    const event = { typeUrl: 'a', value: payload };
    await createClient(EventsDefinition, rig.channel()).publish({ topic: '/a', event });
    expect(got).toEqual([payload.length]);
    const { version } = await createClient(VersionDefinition, rig.channel()).version({});
    expect(version.length).toBe(payload.length);
  });

  it('answers bytes that are encoded already as they are', async () => {
    const bytes = Buffer.from(VersionResponse.encode({ version: '1', revision: 'r' }).finish());
    const { client } = await serve(async () => new EncodedMessage(bytes));
    expect(await client.version({})).toEqual({ version: '1', revision: 'r' });
  });

  it.each<{ thrown: unknown; code: Code; message: string }>([
    { thrown: new RpcError(Code.NOT_FOUND, 'there is no "x"'), code: Code.NOT_FOUND, message: 'there is no "x"' },
    { thrown: new Error('50% off\nfor ü'), code: Code.INTERNAL, message: '50% off\nfor ü' },
    { thrown: 'a text', code: Code.INTERNAL, message: 'a text' },
    { thrown: new Error('half a \ud800 pair'), code: Code.INTERNAL, message: 'half a \ufffd pair' },
    { thrown: new Error('x'.repeat(9000)), code: Code.INTERNAL, message: `${'x'.repeat(8192)}…` },
  ])('fails with the status of what is thrown: $code', async ({ thrown, code, message }) => {
    const { client } = await serve(async () => {
      throw thrown;
    });
    const error = await client.version({}).catch((caught: RpcCallError) => caught);
    expect(error).toMatchObject({ name: 'RpcCallError', code, message, method: METHOD });
  });

  it('fails with INTERNAL when even the status of an error cannot be made', async () => {
    const toStatus = (): never => {
      throw new Error('no status');
    };
    const { client } = await serve(async () => Promise.reject(new Error('first')), { toStatus });
    await expect(client.version({})).rejects.toMatchObject({ code: Code.INTERNAL, message: 'no status' });
  });

  it('fails with INTERNAL when its answer cannot be encoded', async () => {
    const { client } = await serve(async () => null as unknown as VersionResponse);
    await expect(client.version({})).rejects.toMatchObject({ code: Code.INTERNAL });
  });

  it('of a method that is not offered fails with UNIMPLEMENTED', async () => {
    const { client } = await serve(notImplemented);
    const message = 'Version is not offered';
    await expect(client.version({})).rejects.toMatchObject({ code: Code.UNIMPLEMENTED, message });
  });

  it('does not reach its handler while the gate is shut', async () => {
    const handler = jest.fn(async () => ({ version: '', revision: '' }));
    const gate = (method: string): void => {
      throw new RpcError(Code.UNAVAILABLE, `${method}: not yet`);
    };
    const { client } = await serve(handler, { gate });
    await expect(client.version({})).rejects.toMatchObject({ code: Code.UNAVAILABLE, message: 'Version: not yet' });
    expect(handler).not.toHaveBeenCalled();
  });

  it('aborts its signal with DEADLINE_EXCEEDED when the deadline of the client passes', async () => {
    const reason = deferred<Reason>();
    let reached = false;
    const { client } = await serve((_req, { signal }) => {
      reached = true;
      signal.addEventListener('abort', () => reason.resolve(signal.reason), { once: true });
      return untilAborted(signal);
    });
    const tooSlow = () =>
      expect(client.version({}, { timeoutMs: 30 })).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    // A deadline may pass before the call is there: then once more, over the connection that is made by now.
    do await tooSlow();
    while (!reached);
    expect(await reason.promise).toMatchObject({ name: 'RpcError', code: Code.DEADLINE_EXCEEDED });
  });

  it('aborts its signal with CANCELLED when the client goes, which sees its own reason at once', async () => {
    const [entered, reason] = [deferred(), deferred<Reason>()];
    const { client } = await serve((_req, { signal }) => {
      entered.resolve();
      signal.addEventListener('abort', () => reason.resolve(signal.reason), { once: true });
      return untilAborted(signal);
    });
    const controller = new AbortController();
    const call = client.version({}, { signal: controller.signal, timeoutMs: 60_000 });
    await entered.promise;
    controller.abort(new Error('changed my mind'));
    await expect(call).rejects.toThrow('changed my mind');
    expect(await reason.promise).toMatchObject({ name: 'RpcError', code: Code.CANCELLED });
  });

  it('is not made when its signal has fired before', async () => {
    const handler = jest.fn(async () => ({ version: '', revision: '' }));
    const { client } = await serve(handler);
    await expect(client.version({}, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
    expect(handler).not.toHaveBeenCalled();
  });

  it('fails with UNAVAILABLE when nobody listens, and works once somebody does', async () => {
    const client = createClient(VersionDefinition, rig.channel());
    await expect(client.version({})).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    const { client: other } = await serve(async () => ({ version: '1', revision: '' }));
    expect(await other.version({})).toEqual({ version: '1', revision: '' });
  });

  it('throws what onError makes of its error', async () => {
    await serve(async () => Promise.reject(new RpcError(Code.ABORTED, 'no')));
    const onError = (error: RpcCallError): Error => new Error(`mapped ${error.code}`);
    const client = createClient(VersionDefinition, rig.channel(`unix://${rig.socket}`), { onError });
    await expect(client.version({})).rejects.toThrow('mapped 10');
  });

  it('is logged and counted once, by method and code, without a body', async () => {
    const log = recordingLogger();
    const [count, time] = [jest.fn(), jest.fn()];
    const { client } = await serve(async () => ({ version: 'secret', revision: '' }), {
      log,
      metrics: { count, time },
    });
    await client.version({});
    const fields = { method: 'Version', call: 1, code: 'OK', ms: expect.any(Number) };
    expect(log.lines).toEqual([{ level: 'debug', message: 'served', fields }]);
    const labels = { method: 'Version', code: 'OK' };
    expect(count.mock.calls).toEqual([['crisp_rpc_total', labels]]);
    expect(time.mock.calls).toEqual([['crisp_rpc_seconds', expect.any(Number), labels]]);
  });

  it('that fails is logged with its error', async () => {
    const log = recordingLogger();
    const { client } = await serve(async () => Promise.reject(new RpcError(Code.ABORTED, 'why')), { log });
    await client.version({}).catch(() => undefined);
    const fields = { method: 'Version', call: 1, code: 'ABORTED', ms: expect.any(Number), error: 'why' };
    expect(log.lines).toEqual([{ level: 'warn', message: 'failed', fields }]);
  });

  it('that fails is logged with what its handler has noted', async () => {
    const log = recordingLogger();
    const { client } = await serve(
      async (_req, call) => {
        call.note?.({ step: 'start the task' });
        throw new RpcError(Code.ABORTED, 'why');
      },
      { log },
    );
    await client.version({}).catch(() => undefined);
    const fields = expect.objectContaining({ code: 'ABORTED', step: 'start the task', error: 'why' });
    expect(log.lines).toEqual([{ level: 'warn', message: 'failed', fields }]);
  });

  it('that fails by a bug is logged once, with the stack', async () => {
    const log = recordingLogger();
    const toStatus = () => ({ code: Code.INTERNAL, message: 'x is undefined', stack: 'at y' });
    const { client } = await serve(async () => Promise.reject(new TypeError('x is undefined')), { log, toStatus });
    await client.version({}).catch(() => undefined);
    const fields = expect.objectContaining({ code: 'INTERNAL', error: 'x is undefined', stack: 'at y' });
    expect(log.lines).toEqual([{ level: 'error', message: 'unexpected error', fields }]);
  });

  it('that its caller ends is no failure; one that its deadline ends is', async () => {
    const log = recordingLogger();
    const entered = deferred();
    const { client } = await serve(
      (_req, { signal }) => {
        entered.resolve();
        return untilAborted(signal);
      },
      { log },
    );
    const caller = new AbortController();
    const left = client.version({}, { signal: caller.signal, timeoutMs: 60_000 });
    await entered.promise;
    caller.abort(new Error('changed my mind'));
    await expect(left).rejects.toThrow('changed my mind');
    await until('the first is logged', () => log.lines.length === 1);
    await until('one arrives before its deadline', () => {
      void client.version({}, { timeoutMs: 30 }).catch(() => undefined);
      return log.lines.length > 1;
    });
    expect(log.lines.slice(0, 2).map(({ level, message, fields }) => [level, message, fields.code])).toEqual([
      ['info', 'ended by its caller', 'CANCELLED'],
      ['warn', 'failed', 'DEADLINE_EXCEEDED'],
    ]);
  });

  it('that fails as expected is logged at debug', async () => {
    const log = recordingLogger();
    const toStatus = () => ({ code: Code.NOT_FOUND, message: 'gone', expected: true });
    const { client } = await serve(async () => Promise.reject(new Error('gone')), { log, toStatus });
    await expect(client.version({})).rejects.toMatchObject({ code: Code.NOT_FOUND });
    expect(log.lines).toEqual([
      { level: 'debug', message: 'served', fields: expect.objectContaining({ code: 'NOT_FOUND', error: 'gone' }) },
    ]);
  });

  it('of 20 MB passes, one beyond the limit of the server fails with RESOURCE_EXHAUSTED', async () => {
    const version = 'x'.repeat(20_000_000);
    const { client } = await serve(async () => ({ version, revision: '' }));
    expect((await client.version({})).version).toHaveLength(version.length);
    const small = new RpcRig();
    try {
      const server = small.server({ maxMessageBytes: 1000 });
      server.addService(VersionDefinition, { version: async () => ({ version, revision: '' }) });
      await server.listen(small.socket);
      const limited = createClient(VersionDefinition, small.channel());
      await expect(limited.version({})).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    } finally {
      await small.close();
    }
  });
});
