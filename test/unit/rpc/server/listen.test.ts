import { existsSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { EventsDefinition } from '../../../../generated/containerd/services/events/v1/events';
import { VersionDefinition } from '../../../../generated/containerd/services/version/v1/version';
import { createClient } from '../../../../src/rpc/client/client';
import { Code } from '../../../../src/rpc/code';
import { RpcError } from '../../../../src/rpc/rpc-error';
import { notImplemented, type ServiceImpl } from '../../../../src/rpc/service';
import { deferred, RpcRig, recordingLogger, untilAborted } from '../rpc-rig';

const answer = async () => ({ version: '1', revision: '' });

let rig: RpcRig;
beforeEach(() => {
  rig = new RpcRig();
});
afterEach(() => rig.close());

function server(version: ServiceImpl<typeof VersionDefinition>['version'] = answer) {
  const made = rig.server();
  made.addService(VersionDefinition, { version });
  return made;
}

describe('RpcServer.listen', () => {
  it('makes a socket that only its owner may use, and its directory', async () => {
    const path = `${rig.dir}/deep/down/s.sock`;
    await server().listen(`unix://${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(`${path}.new`)).toBe(false);
    expect(await createClient(VersionDefinition, rig.channel(path)).version({})).toEqual({
      version: '1',
      revision: '',
    });
  });

  it('gives the socket another mode when asked', async () => {
    await server().listen(rig.socket, { mode: 0o660 });
    expect(statSync(rig.socket).mode & 0o777).toBe(0o660);
  });

  it('replaces a socket that nobody answers', async () => {
    await leaveStaleSocket(rig.socket);
    await server().listen(rig.socket);
    expect((await createClient(VersionDefinition, rig.channel()).version({})).version).toBe('1');
  });

  it('refuses where another server listens, which goes on', async () => {
    await server().listen(rig.socket);
    await expect(server().listen(rig.socket)).rejects.toThrow(`another server listens on ${rig.socket}`);
    expect((await createClient(VersionDefinition, rig.channel()).version({})).version).toBe('1');
  });

  it('refuses to replace what is not a socket', async () => {
    writeFileSync(rig.socket, 'precious');
    await expect(server().listen(rig.socket)).rejects.toThrow('exists and is not a socket');
  });

  it('refuses a path that no address can hold', async () => {
    await expect(server().listen(`${rig.dir}/${'x'.repeat(100)}`)).rejects.toThrow('is too long');
  });
});

describe('RpcServer.addService', () => {
  it('refuses an implementation that lacks a row', () => {
    expect(() => rig.server().addService(VersionDefinition, {} as never)).toThrow('Version has no row version');
  });
});

describe('RpcServer.stop', () => {
  it('removes the socket, also when it is called twice', async () => {
    const stopping = server();
    await stopping.listen(rig.socket);
    await Promise.all([stopping.stop({ graceMs: 10 }), stopping.stop({ graceMs: 10 })]);
    expect(existsSync(rig.socket)).toBe(false);
  });

  it('leaves the socket of a server that has taken its place', async () => {
    const first = server();
    await first.listen(rig.socket);
    unlinkSync(rig.socket);
    await server().listen(rig.socket);
    await first.stop({ graceMs: 10 });
    expect((await createClient(VersionDefinition, rig.channel()).version({})).version).toBe('1');
  });

  it('lets a call that is under way finish', async () => {
    const [entered, go] = [deferred(), deferred()];
    const stopping = server(async () => {
      entered.resolve();
      await go.promise;
      return answer();
    });
    await stopping.listen(rig.socket);
    const call = createClient(VersionDefinition, rig.channel()).version({});
    await entered.promise;
    const stopped = stopping.stop({ graceMs: 60_000 });
    go.resolve();
    expect((await call).version).toBe('1');
    await stopped;
  });

  it('ends a call that outlasts the grace period with UNAVAILABLE, whether or not it looks at its signal', async () => {
    const entered = deferred();
    const stopping = server(() => {
      entered.resolve();
      return new Promise(() => undefined);
    });
    await stopping.listen(rig.socket);
    const call = createClient(VersionDefinition, rig.channel()).version({});
    call.catch(() => undefined);
    await entered.promise;
    await stopping.stop({ graceMs: 20 });
    await expect(call).rejects.toMatchObject({ code: Code.UNAVAILABLE, message: 'the server stops' });
  });

  it('ends streams with UNAVAILABLE at once', async () => {
    const entered = deferred();
    const stopping = rig.server();
    stopping.addService(EventsDefinition, {
      publish: notImplemented,
      forward: notImplemented,
      async *subscribe(_req, { signal }) {
        entered.resolve();
        yield untilAborted(signal);
      },
    });
    await stopping.listen(rig.socket);
    const events = createClient(EventsDefinition, rig.channel()).subscribe({ filters: [] });
    const next = events[Symbol.asyncIterator]().next();
    next.catch(() => undefined);
    await entered.promise;
    await stopping.stop({ graceMs: 60_000 });
    await expect(next).rejects.toMatchObject({ code: Code.UNAVAILABLE, message: 'the server stops' });
  });

  it('has what a given-up handler throws later logged, not thrown', async () => {
    const log = recordingLogger();
    const [entered, go, thrown] = [deferred(), deferred(), deferred()];
    const stopping = rig.server({ log: { ...log, child: () => log } });
    stopping.addService(VersionDefinition, {
      version: async () => {
        entered.resolve();
        await go.promise;
        setImmediate(() => thrown.resolve());
        throw new RpcError(Code.INTERNAL, 'late');
      },
    });
    await stopping.listen(rig.socket);
    const call = createClient(VersionDefinition, rig.channel()).version({});
    call.catch(() => undefined);
    await entered.promise;
    await stopping.stop({ graceMs: 0 });
    go.resolve();
    await thrown.promise;
    expect(log.lines.at(-1)).toEqual({
      level: 'info',
      message: 'a call whose caller had gone has failed',
      fields: { error: 'late' },
    });
  });

  it('has what a given-up handler has noted of its end logged when it ends', async () => {
    const log = recordingLogger();
    const [entered, ended] = [deferred(), deferred()];
    const stopping = rig.server({ log: { ...log, child: () => log } });
    stopping.addService(VersionDefinition, {
      version: async (_req, { signal, note }) => {
        entered.resolve();
        await untilAborted(signal).catch(() => undefined);
        note?.({ step: 'create the task' });
        setImmediate(() => ended.resolve());
        throw signal.reason;
      },
    });
    await stopping.listen(rig.socket);
    const call = createClient(VersionDefinition, rig.channel()).version({});
    call.catch(() => undefined);
    await entered.promise;
    await stopping.stop({ graceMs: 0 });
    await ended.promise;
    expect(log.lines.filter(({ level }) => level !== 'debug')).toEqual([
      { level: 'warn', message: 'failed', fields: expect.objectContaining({ code: 'UNAVAILABLE' }) },
      {
        level: 'info',
        message: 'a call whose caller had gone has been undone',
        fields: { step: 'create the task' },
      },
    ]);
  });
});

/** A socket file whose server has died without removing it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(`${path}.dying`, resolve));
  renameSync(`${path}.dying`, path); // closing removes only the name that was bound
  await new Promise((resolve) => dead.close(resolve));
}
