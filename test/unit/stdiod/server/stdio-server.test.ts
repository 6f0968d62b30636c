import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../../src/base/logger';
import { noMetrics } from '../../../../src/base/metrics';
import { messageFrame } from '../../../../src/stdio/frames';
import { StdioInProcess } from '../../../../src/stdiod/output/stdio-in-process';
import { StdioServer } from '../../../../src/stdiod/server/stdio-server';
import { settle, until } from '../../../support/streaming/until';

let dir: string;
let server: StdioServer;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-stdio-'));
  server = new StdioServer({
    stdio: new StdioInProcess({ log: silentLogger, metrics: noMetrics }),
    log: silentLogger,
    build: 'test',
    helloWithinMs: 50,
    onControl: () => undefined,
    onLeave: () => undefined,
    onQuit: async () => undefined,
    onLetGo: async () => undefined,
  });
  await server.listen(join(dir, 'stdio.sock'));
});
afterEach(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

function dial(): Socket {
  const socket = connect(join(dir, 'stdio.sock'));
  socket.on('error', () => undefined);
  socket.resume();
  return socket;
}

describe('A connection to the stdio process', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a frame', messageFrame({ hello: 'control', containerd: '' }).subarray(0, 9)],
  ])('that says %s is closed when its time is up', async (_what, bytes) => {
    const socket = dial();
    socket.write(bytes);
    await until('it is closed', () => socket.closed);
  });

  it('that has said what it is for stays', async () => {
    const socket = dial();
    socket.write(messageFrame({ hello: 'control', containerd: '' }));
    await until('it is served', () => server.controllers === 1);
    await settle(80);
    expect([socket.closed, server.controllers]).toEqual([false, 1]);
    socket.destroy();
  });
});
