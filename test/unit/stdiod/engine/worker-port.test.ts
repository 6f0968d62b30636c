import { EventEmitter } from 'node:events';
import { fstatSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { kernelPipes } from '../../../../src/host/syscall/pipes';
import type { EngineEvent, Numbered } from '../../../../src/stdio/engine-messages';
import { DataBacklog } from '../../../../src/stdiod/engine/data-backlog';
import { WorkerPort } from '../../../../src/stdiod/engine/worker-port';

/** A thread that closes its end as soon as it is told to stop, before anybody has woken it. */
class FakeThread extends EventEmitter {
  readonly poller = kernelPipes().poller();
  readonly awake: number[] = [];

  postMessage({ seq, command }: Numbered): void {
    if (command.kind !== 'stop') return;
    this.poller.close();
    setImmediate(() => {
      this.tell({ kind: 'answer', seq });
      this.emit('exit', 0);
    });
  }

  tell(event: EngineEvent): void {
    this.emit('message', event);
  }
}

function connected(backlog?: DataBacklog) {
  const thread = new FakeThread();
  const dead: string[] = [];
  const port = new WorkerPort(
    thread as unknown as Worker,
    () => undefined,
    (why) => void dead.push(why),
    backlog,
  );
  thread.tell({ kind: 'ready', waker: thread.poller.waker });
  return { thread, port };
}

describe('The way to the thread that copies', () => {
  it('has the descriptor that wakes it to itself, until the thread is gone', async () => {
    const { thread, port } = connected();
    const { waker } = thread.poller;
    const before = fstatSync(waker).ino;
    const stopping = port.stop();
    expect(fstatSync(waker).ino).toBe(before); // and not a file that was opened under its number since
    await stopping;
    expect(() => fstatSync(waker)).toThrow('EBADF');
    await expect(port.send({ kind: 'pause', on: true })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('says what output has been heard of', async () => {
    const backlog = new DataBacklog();
    const { thread, port } = connected(backlog);
    const chunk = new Uint8Array(10 * 1024 * 1024);
    backlog.sent(chunk.length);
    expect(backlog.isFull).toBe(true);
    thread.tell({ kind: 'data', id: 'web', stream: 'stdout', chunk });
    expect(backlog.isFull).toBe(false);
    await port.stop();
  });
});
