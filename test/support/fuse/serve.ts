import { openSync, read, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { hostMeans } from '../../../src/host/syscall/syscalls';
import { MemoryFiles } from './memory-files';
import { type FuseRequest, oneFile, parseRequest, replyTo } from './protocol';

const BUFFER_BYTES = 1 << 17;
const MS_NOSUID_NODEV = 2 | 4;

/**
 * A filesystem (of one file, or, `writable`, of what is written) whose server stops to answer and goes on again as it is told (`stop`, `go`, a line each on standard input):
 * mounted at a directory by hand, since there need be no libfuse. Whoever looks meanwhile waits in the kernel.
 */
export async function main([target = '', kind = '']: string[]): Promise<void> {
  const fd = openSync('/dev/fuse', 'r+');
  const data = `fd=${fd},rootmode=40000,user_id=0,group_id=0,allow_other`;
  hostMeans().syscalls?.mount({ source: 'crisp-test', target, type: 'fuse', flags: MS_NOSUID_NODEV, data });
  const files = new MemoryFiles();
  const server = new Server(fd, kind === 'writable' ? (request) => files.answer(request) : oneFile);
  server.readNext();
  createInterface(process.stdin)
    .on('line', (line) => {
      server.stopped = line === 'stop';
      if (!server.stopped) server.catchUp();
      console.log(line);
    })
    .on('close', () => process.kill(process.pid, 'SIGKILL')); // a thread waits in the kernel for requests
  console.log('mounted');
}

class Server {
  stopped = false;
  private readonly unanswered: Buffer[] = [];

  constructor(
    private readonly fd: number,
    private readonly answers: (request: FuseRequest) => Buffer | number,
  ) {}

  /** Always reads, so that the kernel takes requests for being worked at. */
  readNext(): void {
    const buffer = Buffer.alloc(BUFFER_BYTES);
    read(this.fd, buffer, 0, buffer.length, null, (error, length) => {
      if (error && error.code !== 'EINTR' && error.code !== 'ENOENT') process.kill(process.pid, 'SIGKILL'); // unmounted
      if (!error) this.take(Buffer.from(buffer.subarray(0, length)));
      this.readNext();
    });
  }

  catchUp(): void {
    for (const request of this.unanswered.splice(0)) this.take(request);
  }

  private take(request: Buffer): void {
    if (this.stopped) {
      this.unanswered.push(request);
      return;
    }
    const answer = replyTo(parseRequest(request), this.answers);
    try {
      if (answer) writeSync(this.fd, answer);
    } catch {
      // Whoever asked waits no more.
    }
  }
}
