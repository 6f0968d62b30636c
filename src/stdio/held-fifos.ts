import { closeSync } from 'node:fs';
import type { ServiceManager } from '../base/service-manager';
import { openFifoReader } from './fifo';
import type { StdioSpec } from './stdio-service';

const PREFIX = 'stdio-';

/** The name under which the service manager holds a container's FIFOs. */
const keptName = (id: string): string => `${PREFIX}${id}`;

/** The container that a name of the service manager's is for; undefined when it is none of ours. */
export function containerOfKept(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}

/**
 * Output FIFOs held open for reading, and never read. What lies in a pipe is gone when its last descriptor is closed, and a
 * shim closes its own when the container ends: if the process that reads them is just then being started anew, ours are
 * all that keeps the container's last words.
 */
export class HeldFifos {
  private readonly fds = new Map<string, number[]>();

  /** `manager` is asked to hold them too, in case that we and that process end at once. */
  constructor(private readonly manager: ServiceManager) {}

  /** Afterwards the container's output FIFOs are held; one that is not there is not. */
  hold({ id, stdout, stderr }: StdioSpec): void {
    if (this.fds.has(id)) return;
    const fds = [stdout, stderr].flatMap((path) => {
      try {
        return path ? [openFifoReader(path)] : [];
      } catch {
        return []; // the container is being removed
      }
    });
    this.fds.set(id, fds);
    this.manager.drop(keptName(id)); // what it holds for a predecessor of ours
    this.manager.keep(keptName(id), fds);
  }

  release(id: string): void {
    this.letGo(id);
    this.manager.drop(keptName(id));
  }

  /** Lets go of all; the service manager goes on holding them, as the containers go on. */
  leave(): void {
    for (const id of [...this.fds.keys()]) this.letGo(id);
  }

  private letGo(id: string): void {
    for (const fd of this.fds.get(id) ?? []) closeSync(fd);
    this.fds.delete(id);
  }
}
