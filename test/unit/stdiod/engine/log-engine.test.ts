import { closeSync, constants, openSync, readFileSync, renameSync, truncateSync, writeSync } from 'node:fs';
import { silentLogger } from '../../../../src/base/logger';
import { noMetrics } from '../../../../src/base/metrics';
import type { Pipes } from '../../../../src/base/pipes';
import { kernelPipes } from '../../../../src/host/syscall/pipes';
import type { Command, EngineEvent } from '../../../../src/stdio/engine-messages';
import { JOURNAL_BYTES } from '../../../../src/stdiod/engine/journal';
import { LogEngine } from '../../../../src/stdiod/engine/log-engine';
import { Fixture, parseLog } from '../../stdio/fixture';

let fixture: Fixture;
let engines: TestEngine[];
beforeEach(() => {
  fixture = new Fixture();
  engines = [];
});
afterEach(() => {
  for (const engine of engines) engine.stop();
  expect(fixture.openPaths()).toEqual([]);
  fixture.remove();
});

/**
 * Counts the steps that change something outside of the process, and kills before, after or in the middle of one: from
 * then on nothing that the engine tries has any effect, and its memory is what it was at that moment.
 */
class Reaper {
  steps = 0;
  killed = false;
  private snapshot: Buffer | undefined;

  constructor(
    readonly memory: Buffer = Buffer.alloc(JOURNAL_BYTES),
    private readonly at?: { step: number; when: 'before' | 'after' | 'halfway' },
  ) {}

  around<T>(act: () => T, halfway: () => void = act): T {
    if (this.killed) throw new Error('killed');
    this.steps += 1;
    const hit = this.at?.step === this.steps ? this.at.when : undefined;
    if (hit === 'before') this.kill();
    if (hit === 'halfway') {
      halfway();
      this.kill();
    }
    const result = act();
    if (hit === 'after') this.kill();
    return result;
  }

  /** What a successor finds. */
  left(): Buffer {
    return this.snapshot ?? this.memory;
  }

  private kill(): never {
    this.killed = true;
    this.snapshot = Buffer.from(this.memory);
    throw new Error('killed');
  }
}

class TestEngine {
  readonly events: EngineEvent[] = [];
  private readonly engine: LogEngine;
  private stopped = false;
  private seq = 0;

  constructor(private readonly reaper = new Reaper()) {
    const real = kernelPipes();
    const pipes: Pipes = {
      ...real,
      take: (fd, into) => reaper.around(() => real.take(fd, into)),
    };
    this.engine = new LogEngine({
      ...{ pipes, memory: reaper.memory, metrics: noMetrics },
      log: { ...silentLogger, error: (_, fields) => this.noteError(String(fields?.error)) },
      tell: (event) => void this.events.push(event),
      write: (fd, data, offset, length) =>
        reaper.around(
          () => writeSync(fd, data, offset, length),
          () => writeSync(fd, data, offset, Math.ceil(length / 2)),
        ),
    });
    engines.push(this);
  }

  /** Carries out a command. */
  send(command: Command): void {
    this.engine.turn(0, () => [{ seq: this.seq++, command }]);
    const answer = this.events.findLast((event) => event.kind === 'answer');
    if (answer?.kind === 'answer' && answer.failure) throw new Error(answer.failure.message);
  }

  /** Copies until nothing is left to do; false when it was killed meanwhile. */
  copy(turns = 20): boolean {
    for (let i = 0; i < turns && !this.reaper.killed; i++) this.engine.turn(0, () => []);
    return !this.reaper.killed;
  }

  open(spec: { stdout: string; stderr?: string; log?: string; maxLineBytes?: number }): void {
    const { log = fixture.path('0.log'), maxLineBytes = 100, ...paths } = spec;
    this.send({ kind: 'open', spec: { id: 'web', ...paths, logPath: log, maxLineBytes } });
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.send({ kind: 'stop' });
  }

  private noteError(message: string): void {
    if (!this.reaper.killed) throw new Error(message);
  }
}

const lines = (name = '0.log'): string[] =>
  parseLog(readFileSync(fixture.path(name))).map(({ tag, content }) => `${tag} ${content}`);

/** A pipe as a shim has it: both ends open for as long as the container lives. */
function shimPipe(name: string): { path: string; write(text: string | Buffer): void; close(): void } {
  const path = fixture.fifo(name);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return { path, write: (text) => void writeSync(fd, Buffer.from(text)), close: () => closeSync(fd) };
}

describe('The engine', () => {
  it('leaves an unfinished line in its pipe until the end of it comes', () => {
    const pipe = shimPipe('out');
    const engine = new TestEngine();
    engine.open({ stdout: pipe.path });
    pipe.write('whole\nbegun, ');
    engine.copy();
    expect(lines()).toEqual(['F whole']);
    pipe.write('and ended\r\n');
    engine.copy();
    expect(lines()).toEqual(['F whole', 'F begun, and ended']);
    pipe.close();
  });

  it('writes a line that is longer than the limit in pieces, the first of them at once', () => {
    const pipe = shimPipe('out');
    const engine = new TestEngine();
    engine.open({ stdout: pipe.path, maxLineBytes: 10 });
    pipe.write('0123456789abcde');
    engine.copy();
    expect(lines()).toEqual(['P 0123456789']);
    pipe.write('fghij\nkl\n');
    engine.copy();
    expect(lines()).toEqual(['P 0123456789', 'F abcdefghij', 'F kl']);
    pipe.close();
  });

  it('writes a line in pieces that would fill its pipe, whatever the limit', () => {
    const pipe = shimPipe('out');
    const engine = new TestEngine();
    engine.open({ stdout: pipe.path, maxLineBytes: -1 });
    const half = Buffer.alloc(150 * 1024, 'x');
    pipe.write(half);
    engine.copy();
    pipe.write(Buffer.concat([half, Buffer.from('\n')]));
    engine.copy();
    expect(lines().map((line) => line.slice(0, 2))).toEqual(['P ', 'P ', 'F '].slice(-lines().length));
    expect(
      lines()
        .map((line) => line.slice(2))
        .join(''),
    ).toBe('x'.repeat(300 * 1024));
    pipe.close();
  });

  it('tags what a stream ends with, and tells the end', () => {
    const path = fixture.fifo('out');
    const engine = new TestEngine();
    engine.open({ stdout: path });
    const writer = fixture.writer(path);
    writer.write('one\nend');
    writer.close();
    engine.copy();
    expect(lines()).toEqual(['F one', 'P end']);
    expect(engine.events).toContainEqual({ kind: 'ended', id: 'web', stream: 'stdout' });
  });

  it('tells a listener every byte once, also those of a line that has not ended', () => {
    const pipe = shimPipe('out');
    const engine = new TestEngine();
    engine.open({ stdout: pipe.path });
    pipe.write('before');
    engine.copy();
    engine.send({ kind: 'listen', id: 'web', on: true });
    for (const text of [' one', '\ntwo', ' three\n', 'four']) {
      pipe.write(text);
      engine.copy();
    }
    const told = engine.events.flatMap((event) => (event.kind === 'data' ? [Buffer.from(event.chunk).toString()] : []));
    expect(told.join('')).toBe(' one\ntwo three\nfour');
    pipe.close();
  });

  it('copies more than a look can see, of both streams, in order', () => {
    const [out, err] = [shimPipe('out'), shimPipe('err')];
    const engine = new TestEngine();
    engine.open({ stdout: out.path, stderr: err.path });
    let at = 0;
    const expected: string[] = [];
    for (let round = 0; round < 40; round++) {
      const text = Array.from({ length: 400 }, () => `line ${at++}\n`).join('');
      out.write(text);
      err.write(`error ${round}\n`);
      expected.push(...text.trimEnd().split('\n'));
      engine.copy();
    }
    const log = parseLog(readFileSync(fixture.path('0.log')));
    expect(log.filter(({ stream }) => stream === 'stdout').map(({ content }) => content)).toEqual(expected);
    expect(log.filter(({ stream }) => stream === 'stderr')).toHaveLength(40);
    expect(log.map(({ time }) => time)).toEqual(log.map(({ time }) => time).sort());
    out.close();
    err.close();
  });
});

describe('An engine that is killed', () => {
  const TEXTS = ['one\ntwo\nthr', 'ee\n', `${'long '.repeat(60)}\n`, 'last\nrest'];
  const EXPECTED = ['one', 'two', 'three', 'long '.repeat(60), 'last'];

  /** Contents with the pieces of long lines joined again. */
  const contents = (name = '0.log'): string[] => {
    const joined: string[] = [''];
    for (const { tag, content } of parseLog(readFileSync(fixture.path(name)))) {
      joined.push((joined.pop() ?? '') + content);
      if (tag === 'F') joined.push('');
    }
    return joined.slice(0, -1);
  };

  const reaperAt = (step: number, when: 'before' | 'after' | 'halfway'): Reaper =>
    new Reaper(Buffer.alloc(JOURNAL_BYTES), { step, when });

  /** Runs the texts through an engine; when it is killed, through a second one that finds its memory. */
  function run(reaper: Reaper, between: () => void = () => undefined): number {
    const pipe = shimPipe('out');
    let engine = new TestEngine(reaper);
    engine.open({ stdout: pipe.path });
    for (const text of TEXTS) {
      pipe.write(text);
      if (engine.copy()) continue;
      engine.stop();
      between();
      engine = new TestEngine(new Reaper(reaper.left()));
      engine.open({ stdout: pipe.path });
      engine.copy();
    }
    engine.stop();
    pipe.close();
    return reaper.steps;
  }

  it.each(['before', 'after', 'halfway'] as const)('loses nothing and repeats nothing, %s any of its steps', (when) => {
    const steps = run(new Reaper());
    expect(steps).toBeGreaterThan(6);
    expect(contents()).toEqual(EXPECTED);
    for (let step = 1; step <= steps; step++) {
      fixture.remove();
      fixture = new Fixture();
      run(reaperAt(step, when));
      expect({ step, lines: contents() }).toEqual({ step, lines: EXPECTED });
    }
  });

  it('finds the log again that kubelet has renamed meanwhile', () => {
    const steps = run(new Reaper());
    for (let step = 1; step <= steps; step++) {
      fixture.remove();
      fixture = new Fixture();
      run(reaperAt(step, 'halfway'), () => renameSync(fixture.path('0.log'), fixture.path('0.log.20261126-120000')));
      const before = contents('0.log.20261126-120000');
      expect({ step, lines: [...before, ...contents()] }).toEqual({ step, lines: EXPECTED });
    }
  });

  it('goes on behind a log that somebody has cut off', () => {
    run(reaperAt(3, 'after'), () => truncateSync(fixture.path('0.log'), 0));
    expect(contents().at(-1)).toBe('last');
  });
});
