import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { noiseIn } from '../../soak/log-noise';

describe('What a log complains of', () => {
  it('is counted by its words, the most frequent first', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'crisp-noise-'));
    const lines = ['info', 'warn', 'error', 'error'].map((level) => JSON.stringify({ level, message: 'm', id: '1' }));
    writeFileSync(join(dir, 'log'), [...lines, 'no object', 'null', ''].join('\n'));
    expect(await noiseIn(join(dir, 'log'))).toEqual([
      ['error: m', 2],
      ['warn: m', 1],
    ]);
    rmSync(dir, { recursive: true });
  });

  it('is nothing without a log', async () => expect(await noiseIn('/no/such/log')).toEqual([]));
});
