import { lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifos } from '../../../src/host/files/fifos';
import { MEANS, useTempDir } from './temp';

const dir = useTempDir();

describe.each(MEANS)('makeFifos with %s', (_, means) => {
  it('makes FIFOs for root alone, with their directory, and keeps those that are there', async () => {
    const io = join(dir.path, 'io');
    await makeFifos([join(io, 'out')], means);
    const kept = lstatSync(join(io, 'out')).ino;
    await makeFifos([join(io, 'out'), join(io, 'err')], means);
    expect(
      readdirSync(io).map((name) => [name, lstatSync(join(io, name)).isFIFO(), lstatSync(join(io, name)).mode & 0o777]),
    ).toEqual([
      ['err', true, 0o600],
      ['out', true, 0o600],
    ]);
    expect(lstatSync(join(io, 'out')).ino).toBe(kept);
    expect(statSync(io).mode & 0o777).toBe(0o700);
  });

  it('refuses a path where something else is', async () => {
    writeFileSync(join(dir.path, 'file'), '');
    await expect(makeFifos([join(dir.path, 'new'), join(dir.path, 'file')], means)).rejects.toThrow('is no FIFO');
    expect(readdirSync(dir.path)).toEqual(['file']);
  });
});
