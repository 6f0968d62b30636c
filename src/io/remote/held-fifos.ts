import { closeSync } from 'node:fs';
import { openFifoReader } from '../fifo';
import type { StdioSpec } from '../stdio-service';

/**
 * Output FIFOs held open for reading, and never read. What lies in a pipe is gone when its last descriptor is closed, and a
 * shim closes its own when the container ends: if the process that reads them is just then being started anew, ours are
 * all that keeps the container's last words.
 */
export class HeldFifos {
  private readonly fds = new Map<string, number[]>();

  /** Afterwards the container's output FIFOs are held; one that is not there is not. */
  hold({ id, stdout, stderr }: StdioSpec): void {
    if (this.fds.has(id)) return;
    this.fds.set(
      id,
      [stdout, stderr].flatMap((path) => {
        try {
          return path ? [openFifoReader(path)] : [];
        } catch {
          return []; // the container is being removed
        }
      }),
    );
  }

  release(id: string): void {
    for (const fd of this.fds.get(id) ?? []) closeSync(fd);
    this.fds.delete(id);
  }

  releaseAll(): void {
    for (const id of [...this.fds.keys()]) this.release(id);
  }
}
