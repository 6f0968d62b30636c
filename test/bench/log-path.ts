import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { checkout } from '../support/daemon/places';

const KINDS = ['event-loop', 'engine'] as const;
type Kind = (typeof KINDS)[number];

const MIB = 1024 * 1024;
const LINE_BYTES = 100;
const SPEED_BYTES = 512 * MIB;
const KILLS = 20;
const KILL_LINES = 400_000;

/**
 * Compares ways to get container output from a FIFO into a CRI log: how fast, at which cost, and what twenty kills at
 * random moments lose or repeat. `node test/support/run-typescript.mjs test/bench/log-path.ts`
 */
export async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'crisp-log-path-'));
  try {
    console.log('| reader | MB/s | CPU ns per byte | lines lost | torn or repeated |');
    console.log('|---|---|---|---|---|');
    for (const kind of KINDS) {
      const speed = await measureSpeed(kind, join(dir, `${kind}-speed`));
      const { lost, wrong } = await measureKills(kind, join(dir, `${kind}-kills`));
      console.log(`| ${kind} | ${speed.rate.toFixed(0)} | ${speed.cost.toFixed(1)} | ${lost} | ${wrong} |`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}

interface Place {
  readonly fifo: string;
  readonly log: string;
  readonly journal: string;
}

function place(base: string): Place {
  const fifo = `${base}.fifo`;
  execFileSync('mkfifo', [fifo]);
  return { fifo, log: `${base}.log`, journal: `${base}.journal` };
}

async function measureSpeed(kind: Kind, base: string): Promise<{ rate: number; cost: number }> {
  const at = place(base);
  const reader = startReader(kind, at);
  const micros = output(reader);
  await opened(at.log);
  const started = process.hrtime.bigint();
  const writer = startFastWriter(at.fifo);
  await ended(writer);
  await ended(reader);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  return { rate: SPEED_BYTES / 1e6 / seconds, cost: (Number(await micros) * 1000) / SPEED_BYTES };
}

/** Kills the reader again and again while a writer prints numbered lines; the pipe is held open, as a shim does. */
async function measureKills(kind: Kind, base: string): Promise<{ lost: number; wrong: number }> {
  const at = place(base);
  const held = openSync(at.fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const writer = startWriter(at.fifo, KILL_LINES, 400);
  const over = ended(writer);
  for (let kill = 0; kill < KILLS; kill++) {
    const reader = startReader(kind, at);
    await opened(at.log);
    await Promise.race([pause(50 + Math.random() * 150), over]);
    reader.kill('SIGKILL');
    await ended(reader);
  }
  const last = startReader(kind, at);
  await over;
  closeSync(held);
  await ended(last);
  return compare(at.log);
}

function compare(log: string): { lost: number; wrong: number } {
  const seen = new Set<number>();
  let wrong = 0;
  let previous = -1;
  for (const line of readFileSync(log, 'latin1').split('\n').slice(0, -1)) {
    const match = /^\S+ stdout F (\d+) x+$/.exec(line);
    const number = Number(match?.[1] ?? -1);
    const whole = match !== null && line.slice(line.indexOf(' F ') + 3).length === LINE_BYTES - 1;
    if (!whole || seen.has(number) || number < previous) wrong += 1;
    if (whole) seen.add(number);
    previous = Math.max(previous, number);
  }
  return { lost: KILL_LINES - seen.size, wrong };
}

function startReader(kind: Kind, { fifo, log, journal }: Place): ChildProcess {
  const run = ['test/support/run-typescript.mjs', 'test/bench/log-path-reader.ts', kind, fifo, log, journal];
  return spawn(process.execPath, run, { cwd: checkout(), stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Prints lines of a hundred bytes as fast as it can, in writes of 4 KiB. */
function startFastWriter(fifo: string): ChildProcess {
  const script = `
    const fs = require('fs'), fd = fs.openSync(process.argv[1], 'w'), lines = Buffer.alloc(4096, 'x'.repeat(99) + '\\n');
    for (let n = 0; n < ${SPEED_BYTES}; ) n += fs.writeSync(fd, lines, 0, Math.min(4096, ${SPEED_BYTES} - n));`;
  return spawn(process.execPath, ['-e', script, fifo], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Prints numbered lines of a hundred bytes in writes of 4 KiB, as a shim does, at most so many a millisecond. */
function startWriter(fifo: string, lines: number, perMs: number): ChildProcess {
  const script = `
    const fs = require('fs'), fd = fs.openSync(process.argv[1], 'w'), lines = ${lines}, perMs = ${perMs};
    const started = Date.now(); let i = 0, rest = Buffer.alloc(0);
    const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    while (i < lines || rest.length > 0) {
      const parts = [rest]; let size = rest.length;
      for (; i < lines && size < 65536; i++) { const l = Buffer.from((i + ' ').padEnd(99, 'x') + '\\n'); parts.push(l); size += l.length; }
      const all = Buffer.concat(parts); let at = 0;
      for (; all.length - at >= 4096 || (i >= lines && at < all.length); at += Math.min(4096, all.length - at))
        fs.writeSync(fd, all, at, Math.min(4096, all.length - at));
      rest = all.subarray(at);
      while (i / perMs > Date.now() - started) wait(1);
    }`;
  return spawn(process.execPath, ['-e', script, fifo], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function output(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    child.stdout?.on('end', () => resolve(text));
  });
}

/** The reader opens its log once it holds the FIFO. */
async function opened(log: string): Promise<void> {
  while (statSync(log, { throwIfNoEntry: false }) === undefined) await pause(2);
}
