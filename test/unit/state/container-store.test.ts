import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerStatus } from '../../../src/model/container';
import { ContainerStore } from '../../../src/state/container-store';

const status: ContainerStatus = {
  ...{ pid: 1, createdAt: 2n, startedAt: 3n, finishedAt: 0n, exitCode: 0 },
  ...{ reason: '', message: '', unknown: false },
};

describe('A status file', () => {
  let root: string;
  let file: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'crisp-store-'));
    file = join(root, 'containers', 'a', 'status');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('is undefined where there is none, and is read as it was written', async () => {
    const store = new ContainerStore(root);
    expect(await store.readStatus('a')).toBeUndefined();
    await store.writeStatus('a', status);
    expect(await store.readStatus('a')).toEqual(status);
  });

  it('keeps what a newer program has written into it, whatever is written later', async () => {
    const store = new ContainerStore(root);
    mkdirSync(join(root, 'containers', 'a'), { recursive: true });
    writeFileSync(file, '{"Version":"v1","CreatedAt":2,"Restore":true,"Inode":9007199254740993}');
    expect(await store.readStatus('a')).toMatchObject({ createdAt: 2n });
    for (const finishedAt of [0n, 4n]) {
      await store.writeStatus('a', { ...status, finishedAt });
      expect(readFileSync(file, 'utf8')).toMatch(/,"Restore":true,"Inode":9007199254740993\}$/);
    }
    store.delete('a');
    await store.writeStatus('a', status); // another of the same id
    expect(readFileSync(file, 'utf8')).not.toContain('Restore');
  });
});
