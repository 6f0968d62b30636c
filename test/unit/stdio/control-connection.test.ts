import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlConnection } from '../../../src/stdio/control-connection';
import { messageFrame } from '../../../src/stdio/frames';

const nothing = (): void => undefined;

it('is closed in the end also when the other side keeps its own half open', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'crisp-control-'));
  const path = join(dir, 'sock');
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', nothing).resume();
    socket.write(messageFrame({ welcome: true, build: 'b', pid: 1 }));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const connection = await ControlConnection.open(
    path,
    { containerd: '', timeoutMs: 5000 },
    { onAnswer: nothing, onTold: nothing },
  );
  await connection.close();
  await connection.closed;
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});
