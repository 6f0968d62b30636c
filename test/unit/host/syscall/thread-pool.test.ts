import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Logger } from '../../../../src/base/logger';
import { BadInputError } from '../../../../src/host/bad-input';
import { runKernelJob } from '../../../../src/host/syscall/kernel-call';
import type { KernelJobName } from '../../../../src/host/syscall/kernel-jobs';
import { SyscallError } from '../../../../src/host/syscall/syscalls';
import { fromThrownThere, toThrownThere } from '../../../../src/host/syscall/thread-errors';
import { type PoolLimits, ThreadPool } from '../../../../src/host/syscall/thread-pool';

/** `wait` blocks its thread until `release`, `end` ends it, `fail` throws, anything else answers what it was given. */
const PROGRAM = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ name, input }) => {
  if (name === 'wait') Atomics.wait(input, 0, 0);
  if (name === 'end') process.exit(3);
  parentPort.postMessage(name === 'fail' ? { thrown: { class: 'Error', message: input } } : { output: input });
});`;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-pool-'));
  writeFileSync(join(dir, 'worker.cjs'), PROGRAM);
});
afterAll(() => rmSync(dir, { recursive: true }));

function pool(limits: Partial<PoolLimits> = {}): ThreadPool {
  return new ThreadPool({ program: join(dir, 'worker.cjs'), exitNow: () => undefined, limits });
}

/** Something that a thread blocks on, as on the kernel. */
function hold(): { input: Int32Array; release(): void } {
  const input = new Int32Array(new SharedArrayBuffer(4));
  const release = (): void => {
    Atomics.store(input, 0, 1);
    Atomics.notify(input, 0);
  };
  return { input, release };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

it('answers each call with its own answer, on one thread as long as that is quick', async () => {
  const threads = pool({ growMs: 10_000 });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => threads.run('echo', { at })));
  expect(answers).toEqual(Array.from({ length: 50 }, (_, at) => ({ at })));
  expect(threads.size).toEqual({ threads: 1, heldUp: 0 });
});

it('starts another thread when all that it has are blocked, up to its limit, and ends those that idle', async () => {
  const threads = pool({ growMs: 5, active: 2, idleMs: 20, heldUpMs: 60_000 });
  const gate = hold();
  const blocked = [1, 2, 3].map(() => threads.run('wait', gate.input));
  await until(() => threads.size.threads === 2);
  const quick = threads.run('echo', 'quick');
  gate.release();
  await Promise.all(blocked);
  expect(await quick).toBe('quick');
  await until(() => threads.size.threads === 1);
});

it('does not count a thread that is held up, says so once, and takes it back', async () => {
  const threads = pool({ active: 1, heldUpMs: 200, growMs: 5 });
  const said: unknown[][] = [];
  const say = (...line: unknown[]): void => void said.push(line);
  const log: Logger = { debugEnabled: false, debug: say, info: say, warn: say, error: say, child: () => log };
  threads.reportTo(log);
  const gate = hold();
  const stuck = threads.run('wait', gate.input, { subject: '/dead' });
  await until(() => threads.size.heldUp === 1);
  expect(await threads.run('echo', 1)).toBe(1);
  gate.release();
  await stuck;
  expect(threads.size).toEqual({ threads: 2, heldUp: 0 });
  // On a slow machine others may be late as well.
  expect(said.filter(([, fields]) => (fields as { call: string }).call.startsWith('wait'))).toEqual([
    ['the kernel holds up a call; another thread takes over', { call: 'wait "/dead"', ms: 200 }],
    ['a call that the kernel held up has returned', { call: 'wait "/dead"', ms: expect.any(Number) }],
  ]);
});

it('gives up in time or with the signal, forgets a call that has not begun, and tells the answer that came late', async () => {
  const threads = pool({ active: 1, heldUpMs: 60_000 });
  const gate = hold();
  const late = jest.fn();
  const stuck = threads.run('wait', gate.input, { subject: '/dead', timeoutMs: 20, late });
  const never = jest.fn();
  const queued = threads.run('echo', 1, { timeoutMs: 20, late: never });
  await expect(stuck).rejects.toMatchObject({ name: 'DeadlineError', message: 'wait "/dead" took longer than 20 ms' });
  await expect(queued).rejects.toMatchObject({ name: 'DeadlineError' });
  const leaving = new AbortController();
  const left = threads.run('echo', 2, { signal: leaving.signal });
  leaving.abort(new Error('the caller left'));
  await expect(left).rejects.toThrow('the caller left');
  expect(late).not.toHaveBeenCalled();
  gate.release();
  await until(() => late.mock.calls.length > 0);
  expect(await threads.run('echo', 3)).toBe(3);
  expect(never).not.toHaveBeenCalled();
});

it('makes a shared call once for all who ask meanwhile, each with a deadline of its own', async () => {
  const threads = pool({ active: 4, growMs: 0 });
  const gate = hold();
  const late = jest.fn();
  const ask = (timeoutMs: number): Promise<unknown> =>
    threads.run('wait', gate.input, { subject: '/dead', shared: true, timeoutMs, late });
  const [impatient, patient] = [ask(20), ask(60_000)];
  await expect(impatient).rejects.toMatchObject({ name: 'DeadlineError' });
  expect(threads.size.threads).toBe(1);
  gate.release();
  await patient;
  expect(late).not.toHaveBeenCalled();
  expect(await threads.run('wait', gate.input, { subject: '/dead', shared: true })).toBeDefined();
});

it('makes calls in the background after all others', async () => {
  const threads = pool({ growMs: 10_000 });
  const order: string[] = [];
  const note = async (name: string, background: boolean): Promise<void> => {
    await threads.run('echo', name, { background });
    order.push(name);
  };
  await Promise.all([note('first', true), note('sample', true), note('pod', false)]);
  expect(order).toEqual(['first', 'pod', 'sample']);
});

it('fails the call of a thread that ends, and goes on with another', async () => {
  const threads = pool();
  await expect(threads.run('end', undefined, { subject: '/x' })).rejects.toThrow(/end "\/x": .* ended with code 3/);
  expect(await threads.run('echo', 1)).toBe(1);
});

it('a thread of another build says so', () => {
  const name = 'added later' as KernelJobName;
  expect(() => runKernelJob(name, undefined, undefined)).toThrow('crisp-host.js is of another build than crisp.js');
});

describe('An error between threads', () => {
  const there = (error: unknown): unknown => fromThrownThere(structuredClone(toThrownThere(error)));

  it('keeps class, errno and stack', () => {
    const error = new SyscallError('umount', 16, '"/a"');
    const again = there(error);
    expect(again).toBeInstanceOf(SyscallError);
    expect(again).toMatchObject({ code: 'EBUSY', errno: 16, syscall: 'umount', message: error.message });
    expect((again as Error).stack).toBe(error.stack);
    expect(there(new BadInputError('no'))).toBeInstanceOf(BadInputError);
  });

  it('keeps what Node knows of it, and is answered as it is when it never crossed', () => {
    const error = Object.assign(new Error('ENOENT: x'), { code: 'ENOENT', errno: -2, syscall: 'open', path: '/x' });
    expect(there(error)).toMatchObject({
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
      path: '/x',
      message: 'ENOENT: x',
    });
    expect(there('text')).toMatchObject({ message: 'text' });
    expect(fromThrownThere(error)).toBe(error);
  });
});
