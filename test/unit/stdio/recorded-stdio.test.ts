import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import type { StdioSpec } from '../../../src/stdio/stdio-service';
import { JOURNAL_BYTES, Journal } from '../../../src/stdiod/engine/journal';
import { RecordedStdio } from '../../../src/stdiod/server/recorded-stdio';
import { Fixture, parseLog, until } from './fixture';
import { inlineEngine, type Service } from './services';

const NAMES = ['a', 'b', 'c', 'd'];

let fixture: Fixture;
let fds: number[];
let service: Service | undefined;
beforeEach(() => {
  fixture = new Fixture();
  fds = [];
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  for (const fd of fds) closeSync(fd);
  fixture.remove();
});

/** A container whose output waits in its pipe, as a shim keeps it. */
function container(id: string): { spec: StdioSpec & { stdout: string }; print(text: string): void } {
  const stdout = fixture.fifo(id);
  const fd = openSync(stdout, constants.O_RDWR | constants.O_NONBLOCK);
  fds.push(fd);
  const spec = { id, stdout, tty: false, logPath: fixture.path(`${id}.log`), maxLineBytes: 1000 };
  return { spec, print: (text) => void writeSync(fd, text) };
}

const notes = (): string => join(fixture.dir, 'open');
const note = (id: string): string => join(notes(), `${id}.json`);
const contents = (id: string): string[] => {
  const path = fixture.path(`${id}.log`);
  return existsSync(path) ? parseLog(readFileSync(path)).map(({ content }) => content) : [];
};

/** Notes containers as open, as a process does that is killed then. */
async function noted(...specs: StdioSpec[]): Promise<void> {
  const before = inlineEngine();
  const recorded = new RecordedStdio(before.stdio, notes(), silentLogger);
  for (const spec of specs) await recorded.open(spec);
  await before.stop();
}

/** What a process does that comes after it, with the journals that it finds in a directory. */
async function restored(journals?: string): Promise<RecordedStdio> {
  service = inlineEngine({ dir: journals, noted: NAMES });
  const recorded = new RecordedStdio(service.stdio, notes(), silentLogger);
  await recorded.restore();
  return recorded;
}

describe('What was open before a kill', () => {
  it('goes on where not another note can be written, and stays noted', async () => {
    const { spec, print } = container('web');
    await noted(spec);
    mkdirSync(`${note('web')}.new`); // a note is written here first
    print('later\n');
    const recorded = await restored();
    await until(() => contents('web').length > 0);
    expect(contents('web')).toEqual(['later']);
    expect([recorded.size, existsSync(note('web'))]).toEqual([1, true]);
    rmSync(`${note('web')}.new`, { recursive: true });
    await recorded.close('web');
    expect(existsSync(note('web'))).toBe(false);
  });

  it('stays noted when its log cannot be opened just now', async () => {
    const { spec } = container('web');
    mkdirSync(fixture.path('logs'));
    await noted({ ...spec, logPath: join(fixture.path('logs'), 'web.log') });
    rmSync(fixture.path('logs'), { recursive: true });
    writeFileSync(fixture.path('logs'), 'in the way');
    const recorded = await restored();
    expect([recorded.size, existsSync(note('web'))]).toEqual([0, true]);
    rmSync(fixture.path('logs'));
    await recorded.open({ ...spec, logPath: join(fixture.path('logs'), 'web.log') });
    expect(recorded.size).toBe(1);
  });

  it('stays noted when it is opened later, and not another note can be written', async () => {
    const { spec } = container('web');
    await noted(spec);
    mkdirSync(`${note('web')}.new`);
    service = inlineEngine();
    const recorded = new RecordedStdio(service.stdio, notes(), silentLogger);
    await expect(recorded.open(spec)).rejects.toThrow('EISDIR');
    expect([recorded.size, await service.stdio.list(), existsSync(note('web'))]).toEqual([0, [], true]);
  });

  it('is let go with its note, also when it could not be opened', async () => {
    const { spec } = container('web');
    await noted(spec);
    service = inlineEngine();
    await new RecordedStdio(service.stdio, notes(), silentLogger).letGo();
    expect(existsSync(note('web'))).toBe(false);
  });

  it('is forgotten when its FIFOs are gone', async () => {
    const { spec } = container('web');
    await noted(spec);
    rmSync(spec.stdout);
    const recorded = await restored();
    expect([recorded.size, existsSync(note('web'))]).toEqual([0, false]);
  });

  // Notes come in no order: one of these is opened last.
  it.each(NAMES)('is written once, whatever "%s" was in the middle of and others have to say', async (id) => {
    const all = NAMES.map(container);
    await noted(...all.map(({ spec }) => spec));
    for (const each of all) each.print(`${each.spec.id} one\n`);
    const half = all.find(({ spec }) => spec.id === id);
    if (half) killedBeforeTheTake(fixture.path('journal'), half.spec, `${id} one`);
    await restored(fixture.dir);
    for (const each of all) each.print(`${each.spec.id} two\n`);
    await until(() => NAMES.every((name) => contents(name).includes(`${name} two`)));
    expect(NAMES.map(contents)).toEqual(NAMES.map((name) => [`${name} one`, `${name} two`]));
  });
});

/** Leaves a journal behind, and a log, as of a process that was killed between the write of a line and its leaving the pipe. */
function killedBeforeTheTake(journal: string, spec: StdioSpec, line: string): void {
  const fd = openSync(spec.logPath, 'a');
  const entry = `2026-01-02T03:04:05.000000000Z stdout F ${line}\n`;
  const { ino, size } = statSync(spec.logPath, { bigint: true });
  const write = { inode: ino, offset: Number(size), length: entry.length };
  const move = { id: spec.id, stream: 'stdout', taken: line.length + 1, lastByte: 10, write } as const;
  const killed = (): never => {
    throw new Error('killed');
  };
  const memory = Buffer.alloc(JOURNAL_BYTES);
  expect(() => new Journal(memory).move(move, () => writeSync(fd, entry), killed)).toThrow('killed');
  writeFileSync(journal, memory);
  closeSync(fd);
}
