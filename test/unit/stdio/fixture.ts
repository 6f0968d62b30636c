import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of FIFOs and logs for one test, and what this process has open in it. */
export class Fixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'crisp-io-'));

  path(name: string): string {
    return join(this.dir, name);
  }

  fifo(name: string): string {
    const path = this.path(name);
    execFileSync('mkfifo', [path]);
    return path;
  }

  /** Opens a FIFO for writing; somebody must have it open for reading. */
  writer(path: string): FifoEnd {
    return new FifoEnd(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  }

  /** Opens a FIFO for reading, as a shim does with stdin. */
  reader(path: string): FifoEnd {
    return new FifoEnd(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  }

  /** Paths below the directory that this process holds open. */
  openPaths(): string[] {
    const links = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // the descriptor of this very listing
      }
    });
    return links.filter((link) => link.startsWith(`${this.dir}/`)).sort();
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }
}

export class FifoEnd {
  constructor(readonly fd: number) {}

  write(text: string | Buffer): void {
    writeSync(this.fd, Buffer.from(text));
  }

  /** Writes it all, as fast as the other side reads. */
  async writeAll(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; ) {
      try {
        at += writeSync(this.fd, data, at, data.length - at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await turn();
      }
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Lets the event loop come round once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets the event loop go on until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 30_000; // a limit for what never comes, not for what is slow
  while (!holds()) {
    if (Date.now() > giveUpAt) throw new Error(`never came: ${holds.toString()}`);
    await turn();
  }
}

/** A line of a CRI log. */
export interface LogLine {
  time: string;
  stream: string;
  tag: string;
  content: string;
}

/** Takes a log apart; throws at anything that is not a whole line. Contents are latin1, so bytes survive. */
export function parseLog(log: Buffer): LogLine[] {
  const text = log.toString('latin1');
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error('the log ends in the middle of a line');
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)$/s.exec(line);
      const [, time, stream, tag, content] = parts ?? [];
      if (time === undefined || stream === undefined || tag === undefined || content === undefined) {
        throw new Error(`not a log line: ${JSON.stringify(line.slice(0, 200))}`);
      }
      return { time, stream, tag, content };
    });
}
