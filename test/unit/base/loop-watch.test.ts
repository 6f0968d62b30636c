import { LoopWatch } from '../../../src/base/loop-watch';
import { recordingLogger } from '../rpc/rpc-rig';

const log = recordingLogger();
let watch: LoopWatch;

beforeEach(() => {
  log.lines.length = 0;
  watch = new LoopWatch({ log });
  watch.start();
});
afterEach(() => watch.stop());

/** Nothing else happens on this thread for so long. */
function hold(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('tells what held up the event loop, how long, and with how much processor time', async () => {
  watch.enter('RunPodSandbox: record the sandbox');
  hold(300);
  await until(() => log.lines.length > 0);
  const [line] = log.lines;
  expect(line).toMatchObject({ level: 'warn', message: 'the event loop was held up' });
  expect(line?.fields).toMatchObject({ ran: 'RunPodSandbox: record the sandbox' });
  expect(Number(line?.fields.ms)).toBeGreaterThanOrEqual(200);
  expect(Number(line?.fields.cpuMs)).toBeGreaterThan(0);
  expect(watch.heldUp).toMatchObject({ times: 1 });
  expect(watch.heldUp.worstMs).toBeGreaterThanOrEqual(200);
});

it('tells the longest of what ran one after the other, however much came behind it', async () => {
  watch.enter('Version');
  await turn();
  watch.enter('CreateContainer');
  hold(250);
  for (let i = 0; i < 1000; i++) watch.enter('ListContainers');
  hold(60);
  await until(() => log.lines.length > 0);
  expect(log.lines[0]?.fields.ran).toBe('CreateContainer');
});

it('notices it also when nothing was entered for long', async () => {
  watch.stop();
  watch = new LoopWatch({ log });
  watch.start();
  hold(1200);
  await until(() => watch.heldUp.times === 1);
  expect(log.lines[0]?.fields.ran).toBe('the start');
});

describe('By a clock of the test', () => {
  let clock = 0;
  let looks = 0;

  beforeEach(() => {
    [clock, looks] = [0, 0];
    watch.stop();
    const now = (): number => {
      looks += 1;
      return clock;
    };
    watch = new LoopWatch({ log, now });
    watch.start();
  });

  /** What runs holds the loop until it is late by so much. */
  async function late(ms: number, what: string): Promise<void> {
    watch.enter(what);
    clock += 50 + ms;
    const before = looks;
    await until(() => looks > before);
    await turn();
  }

  it('is silent below 100 ms', async () => {
    await late(99, 'a');
    expect(watch.heldUp).toEqual({ times: 0, worstMs: 0 });
    expect(log.lines).toEqual([]);
    await late(100, 'b');
    expect(watch.heldUp.times).toBe(1);
    expect(log.lines.map(({ fields }) => [fields.ran, fields.ms, fields.enteredMsAgo])).toEqual([['b', 100, 150]]);
  });

  it('logs once a minute, and says how many it did not tell', async () => {
    for (const what of ['a', 'b', 'c']) await late(200, what);
    expect(log.lines.map(({ fields }) => fields.ran)).toEqual(['a']);
    await late(60_000, 'd');
    const told = log.lines.map(({ fields }) => [fields.ran, fields.untold]);
    expect(told).toEqual([
      ['a', undefined],
      ['d', 2],
    ]);
    expect(watch.heldUp.times).toBe(4);
    expect(watch.heldUp.worstMs).toBeGreaterThan(59_000);
  });

  it('no longer looks once it is stopped', async () => {
    watch.stop();
    watch.enter('a');
    const before = looks;
    await new Promise((resolve) => setTimeout(resolve, 80).unref());
    expect(looks).toBe(before);
  });
});
