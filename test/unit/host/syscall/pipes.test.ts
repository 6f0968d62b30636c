import { closeSync, fstatSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelPipes } from '../../../../src/host/syscall/pipes';

const BYTES = 65 * 4096;
const BLOCK_BYTES = 512;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-pipes-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('Memory that outlives its process', () => {
  it('has all of its pages from the beginning, so that no write to it meets a full disk', () => {
    const path = join(dir, 'journal');
    kernelPipes().sharedMemory(path, BYTES);
    const { size, blocks } = statSync(path);
    expect(size).toBe(BYTES);
    expect(blocks * BLOCK_BYTES).toBeGreaterThanOrEqual(BYTES);
  });

  it('has what a predecessor wrote, which may have had fewer', () => {
    const path = join(dir, 'journal');
    writeFileSync(path, 'what was under way');
    truncateSync(path, BYTES);
    const memory = kernelPipes().sharedMemory(path, BYTES);
    expect(statSync(path).blocks * BLOCK_BYTES).toBeGreaterThanOrEqual(BYTES);
    expect(memory.toString('utf8', 0, 18)).toBe('what was under way');
    expect(memory.subarray(18).every((byte) => byte === 0)).toBe(true);
    memory.write('afterwards');
    expect(kernelPipes().sharedMemory(path, BYTES).toString('utf8', 0, 18)).toBe('afterwardsnder way');
  });
});

it('The descriptor that wakes a reader is closed by its writer, not by the reader', () => {
  const poller = kernelPipes().poller();
  poller.close();
  expect(fstatSync(poller.waker).isFIFO()).toBe(true);
  closeSync(poller.waker);
});
