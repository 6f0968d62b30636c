import { closeSync, mkdirSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { until } from '../../support/daemon/process';
import type { Kubelet } from '../kubelet';
import { turns } from '../statistics';
import type { Bench } from './part';

const LINE = `${'x'.repeat(99)}\n`;
const LAST = 'the last line\n';
const MIB = 1 << 20;
const COPY_WITHIN_MS = 120_000;

/** One container of each contestant in turn prints lines of a hundred bytes as fast as they are taken from it. */
export async function logs({ kubelets, samples, options, say }: Bench): Promise<void> {
  for (const { server } of kubelets) writeLines(join(server.dir, 'lines'), options.logMib);
  for (let round = 0; round < options.rounds; round++)
    for (const kubelet of turns(kubelets, round)) {
      const { name } = kubelet.server;
      const { seconds, cpuSeconds } = await oneLog(kubelet);
      samples.add('logs.rate', name, (options.logMib * MIB) / 1e6 / seconds);
      samples.add('logs.cpu', name, cpuSeconds * 1000);
      say(`${name}: ${options.logMib} MiB in ${seconds.toFixed(1)} s`);
    }
  for (const { server } of kubelets) rmSync(join(server.dir, 'lines'), { recursive: true });
}

/** From the start of a container that prints the lines until the last of them is in its log. */
async function oneLog(kubelet: Kubelet): Promise<{ seconds: number; cpuSeconds: number }> {
  const { dir, cpu } = kubelet.server;
  const container = { command: ['cat', '/data/lines'], data: join(dir, 'lines') };
  const pod = await kubelet.preparePod(container);
  const [cpuBefore, started] = [cpu.seconds(), performance.now()];
  await kubelet.start(pod);
  const log = join(pod.config.logDirectory, 'work/0.log');
  await until(`the last line is in ${log}`, COPY_WITHIN_MS, async () => tail(log).endsWith(` F ${LAST}`), 5);
  const took = { seconds: (performance.now() - started) / 1000, cpuSeconds: cpu.seconds() - cpuBefore };
  await kubelet.stopPod('other', pod);
  await kubelet.removePod('other', pod);
  rmSync(log);
  return took;
}

function writeLines(dir: string, mib: number): void {
  mkdirSync(dir);
  const file = openSync(join(dir, 'lines'), 'w');
  const block = Buffer.from(LINE.repeat(MIB / 100));
  for (let size = 0; size < mib * MIB; size += block.length) writeSync(file, block);
  writeSync(file, LAST);
  closeSync(file);
}

/** The end of a file; empty while there is none. */
function tail(path: string): string {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return '';
  const bytes = Buffer.alloc(Math.min(size, 100));
  const file = openSync(path, 'r');
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  closeSync(file);
  return bytes.toString('latin1');
}
