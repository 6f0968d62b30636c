import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { type LogFields, silentLogger } from '../../../../src/base/logger';
import { closePassedDescriptors, serviceManager } from '../../../../src/host/systemd/service-manager';
import { FakeServiceManager } from '../../../support/service-manager';
import { Fixture } from '../../stdio/fixture';

let fixture: Fixture;
let manager: FakeServiceManager;
beforeEach(() => {
  fixture = new Fixture();
  manager = new FakeServiceManager(fixture.path('notify'));
});
afterEach(() => {
  manager.close();
  fixture.remove();
});

const told = (): string[] => {
  manager.listen();
  return manager.told;
};

describe('The service manager', () => {
  it('is told what we do, line by line', () => {
    const env = { NOTIFY_SOCKET: manager.path };
    const service = serviceManager(env, silentLogger);
    service.waiting('no\ncontainerd');
    service.ready();
    service.stopping();
    expect(told()).toEqual(['STATUS=no containerd', 'READY=1 STATUS=serving', 'STOPPING=1']);
    expect(env).toEqual({});
  });

  it('keeps what lies in a pipe that nobody else has open', () => {
    const service = serviceManager({ NOTIFY_SOCKET: manager.path }, silentLogger);
    const path = fixture.fifo('out');
    const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    service.keep('stdio-web', [both]);
    writeSync(both, 'last words');
    manager.listen();
    closeSync(both);
    expect(manager.names()).toEqual(['stdio-web']);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const words = Buffer.alloc(100);
    expect(words.toString('utf8', 0, readSync(reader, words))).toBe('last words');
    closeSync(reader);
    service.drop('stdio-web');
    manager.listen();
    expect(manager.size).toBe(0);
  });

  it('is nobody without a NOTIFY_SOCKET', () => {
    const service = serviceManager({}, silentLogger);
    service.ready();
    service.keep('stdio-web', [0]);
    expect(told()).toEqual([]);
  });

  it('that takes no messages for a while holds up nothing, and is told in order when it does', async () => {
    const service = serviceManager({ NOTIFY_SOCKET: manager.path }, silentLogger);
    // More than the kernel keeps for it: ten by itself, 512 where systemd has raised that.
    const names = Array.from({ length: 600 }, (_, at) => `stdio-${at}`);
    for (const name of names) service.drop(name);
    while (told().length < names.length) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(told()).toEqual(names.map((name) => `FDSTOREREMOVE=1 FDNAME=${name}`));
  });

  it('keeps a pipe that it had no room for at first, also when that has been closed meanwhile', async () => {
    const service = serviceManager({ NOTIFY_SOCKET: manager.path }, silentLogger);
    for (let at = 0; at < 600; at += 1) service.drop('other');
    const pipes = ['dropped', 'web'].map((name) => {
      const path = fixture.fifo(name);
      return { path, fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) };
    });
    for (const { path, fd } of pipes) {
      const name = `stdio-${basename(path)}`;
      service.drop(name); // of a predecessor; told later it would take away what is kept
      service.keep(name, [fd]);
      writeSync(fd, 'last words');
      closeSync(fd);
    }
    service.drop('stdio-dropped');
    const last = 'FDSTOREREMOVE=1 FDNAME=stdio-dropped';
    while (told().filter((line) => line === last).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(manager.names()).toEqual(['stdio-web']);
    const reader = openSync(fixture.path('web'), constants.O_RDONLY | constants.O_NONBLOCK);
    const words = Buffer.alloc(100);
    expect(words.toString('utf8', 0, readSync(reader, words))).toBe('last words');
    closeSync(reader);
  });

  it('that does not listen is no reason to fail', () => {
    const warnings: LogFields[] = [];
    const log = { ...silentLogger, warn: (_: string, fields: LogFields = {}) => void warnings.push(fields) };
    serviceManager({ NOTIFY_SOCKET: fixture.path('nobody') }, log).ready();
    expect(warnings).toMatchObject([{ what: 'READY=1' }]);
  });

  it.each([
    [{ LISTEN_PID: '1', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' }, []],
    [{}, []],
  ])('has passed us nothing with %j', (env, names) => {
    expect(closePassedDescriptors(env, 4)).toEqual(names);
  });
});
