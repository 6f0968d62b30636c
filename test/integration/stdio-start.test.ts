import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { checkout } from '../support/daemon/places';
import { createScratch, removeScratch } from '../support/daemon/scratch';

const SECOND = 1000;

let dir: string;
beforeEach(() => {
  dir = createScratch();
});
afterEach(() => removeScratch(dir));

it(
  'A stdio process that cannot begin to serve says why and ends, so that another can be started',
  async () => {
    mkdirSync(join(dir, 'sock'), { recursive: true }); // where its socket is to be
    const program = join(checkout(), 'dist/crisp-stdio.js');
    const [code, said] = await new Promise<[unknown, string]>((resolve) => {
      const options = { timeout: 20 * SECOND, killSignal: 'SIGKILL' } as const;
      execFile(process.execPath, [program, '--dir', dir, '--containerd', ''], options, (error, _stdout, stderr) =>
        resolve([error?.code, stderr]),
      );
    });
    expect([code, said]).toEqual([1, expect.stringContaining(join(dir, 'sock'))]);
  },
  60 * SECOND,
);
