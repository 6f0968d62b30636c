import { once } from 'node:events';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { VersionDefinition } from '../../../../generated/containerd/services/version/v1/version';
import { hostMeans } from '../../../../src/host/syscall/syscalls';
import { createClient } from '../../../../src/rpc/client/client';
import { type Accept, Listener, socketOf } from '../../../../src/rpc/server/accept';
import { RpcRig } from '../rpc-rig';

const accept = hostMeans().syscalls?.accept;
const MANY = 100;

let rig: RpcRig;
let taken: Socket[];
let dialled: Socket[];
let listener: Listener | undefined;
beforeEach(() => {
  rig = new RpcRig();
  [taken, dialled] = [[], []];
});
afterEach(() => {
  listener?.close();
  for (const socket of [...taken, ...dialled]) socket.destroy();
  return rig.close();
});

/** In how many turns of the event loop that many connections are taken up. */
async function turnsToTakeUp(how?: Accept): Promise<number> {
  let turns = 0;
  const all = new Promise<void>((resolve) => {
    listener = new Listener((socket) => {
      if (taken.push(socket) === MANY) resolve();
    }, how);
  });
  await listener?.listen(rig.socket);
  dialled = Array.from({ length: MANY }, () => connect(rig.socket));
  const tick = (): void => {
    if (taken.length > 0) turns += 1;
    if (taken.length < MANY) setImmediate(tick);
  };
  setImmediate(tick);
  await all;
  return turns;
}

describe('A listener', () => {
  it('takes up in a turn or two all who wait', async () => {
    expect(accept).toBeDefined();
    expect(await turnsToTakeUp(accept)).toBeLessThanOrEqual(3);
  });

  it('takes them up one after the other where it has no system call', async () => {
    expect(await turnsToTakeUp()).toBeGreaterThan(1);
    expect(taken).toHaveLength(MANY);
  });

  it('leaves to Node what cannot be taken up', async () => {
    await turnsToTakeUp(() => {
      throw new Error('EMFILE');
    });
    expect(taken).toHaveLength(MANY);
  });

  it('hands on connections that work like those of Node', async () => {
    await turnsToTakeUp(accept);
    for (const [index, socket] of taken.entries()) socket.write(`${index}`);
    const said = await Promise.all(dialled.map(async (socket) => String((await once(socket, 'data'))[0])));
    expect(said.map(Number).sort((a, b) => a - b)).toEqual([...taken.keys()]);
    for (const socket of dialled) socket.end();
    await Promise.all(taken.map((socket) => once(socket.resume(), 'close')));
  });
});

it('A server that is asked over many connections at once answers each', async () => {
  const server = rig.server({ accept });
  server.addService(VersionDefinition, { version: async () => ({ version: '1', revision: '' }) });
  await server.listen(rig.socket);
  const clients = Array.from({ length: MANY }, () => createClient(VersionDefinition, rig.channel()));
  const answers = await Promise.all(clients.map((client) => client.version({})));
  expect(answers.map(({ version }) => version)).toEqual(Array(MANY).fill('1'));
});

describe('A descriptor of which no socket can be made', () => {
  const open = (): number => openSync('/dev/null', 'r');
  const isOpen = (fd: number): boolean => existsSync(`/proc/self/fd/${fd}`);

  it('is closed when Node does not know its kind', () => {
    const file = join(rig.dir, 'file');
    writeFileSync(file, '');
    const fd = openSync(file, 'r');
    expect(() => socketOf(fd)).toThrow();
    expect(isOpen(fd)).toBe(false);
  });

  it('is closed when the handle did not take it', () => {
    const fd = open();
    const failed = Object.assign(new Error('open EINVAL'), { code: 'EINVAL', syscall: 'open' });
    expect(() =>
      socketOf(fd, () => {
        throw failed;
      }),
    ).toThrow(failed);
    expect(isOpen(fd)).toBe(false);
  });

  it('is left to the handle that has taken it', () => {
    const fd = open();
    const failed = new Error('later');
    expect(() =>
      socketOf(fd, () => {
        throw failed;
      }),
    ).toThrow(failed);
    expect(isOpen(fd)).toBe(true);
    closeSync(fd);
  });
});
