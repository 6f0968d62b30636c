import type { Readable } from 'node:stream';
import type { StdinFifo } from './stdin-fifo';

export interface StdinPumpEvents {
  /** The client said that there is no more; all it sent before has been written. */
  onEnd(): void;
  /** The stream broke off without an end. */
  onGone(): void;
}

/**
 * Carries a client's stdin into the FIFO, one chunk at a time: while the process does not read, neither do we. Without
 * a FIFO, or after it failed, what the client sends is thrown away. Answers a function that stops it.
 */
export function pumpStdin(from: Readable, to: StdinFifo | undefined, events: StdinPumpEvents): () => void {
  let writing: Promise<void> = Promise.resolve();
  let broken = to === undefined;
  let over = false;

  const onData = (chunk: Buffer): void => {
    if (broken || !to) return;
    from.pause();
    writing = to.write(chunk).catch(() => {
      broken = true;
    });
    void writing.then(() => {
      if (!over) from.resume();
    });
  };
  const finish = (tell: () => void): void => {
    if (over) return;
    stop();
    void writing.then(tell);
  };
  const onEnd = (): void => finish(events.onEnd);
  const onGone = (): void => finish(events.onGone);
  const stop = (): void => {
    over = true;
    from.off('data', onData);
    from.off('end', onEnd);
    from.off('close', onGone);
    // The `error` listener stays: without one, a late error would end this process.
  };

  if (from.readableEnded || from.destroyed) {
    const ended = from.readableEnded;
    queueMicrotask(ended ? onEnd : onGone);
  }
  from.on('error', onGone);
  from.on('end', onEnd);
  from.on('close', onGone);
  from.on('data', onData);
  return stop;
}
