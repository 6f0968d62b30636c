import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, ContainerStatus } from '../../../src/model/container';
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

describe('The times of a container', () => {
  const ORDERS: [string, Partial<ContainerStatus>, Partial<ContainerStatus>][] = [
    ['as they are', { startedAt: 3n, finishedAt: 4n }, { startedAt: 3n, finishedAt: 4n }],
    ['not there yet', { startedAt: 0n, finishedAt: 0n }, { startedAt: 0n, finishedAt: 0n }],
    ['of an end before the start', { startedAt: 9n, finishedAt: 5n }, { startedAt: 9n, finishedAt: 9n }],
    ['of a start before the creation', { startedAt: 1n, finishedAt: 0n }, { startedAt: 2n, finishedAt: 0n }],
    ['of an end before the creation', { startedAt: 0n, finishedAt: 1n }, { startedAt: 2n, finishedAt: 2n }],
    ['of an end whose start nobody wrote down', { startedAt: 0n, finishedAt: 5n }, { startedAt: 2n, finishedAt: 5n }],
  ];
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'crisp-store-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const made = (change: Partial<ContainerStatus> = {}): Container =>
    ({ metadata: { id: 'a', sandboxId: 'pod' }, status: { ...status, startedAt: 0n, ...change } }) as Container;

  it.each(ORDERS)('never run backwards: %s', async (_what, given, expected) => {
    const store = new ContainerStore(root);
    const [found, changed, inMemory] = [made(given), made(), made()];
    store.add(found); // kubelet was told so by the plugin, or by an earlier release
    await store.update(changed, given);
    store.updateInMemory(inMemory, given);
    expect(found.status).toMatchObject(given);
    for (const { status: now } of [changed, inMemory]) expect(now).toMatchObject({ createdAt: 2n, ...expected });
    expect(await store.readStatus('a')).toEqual(changed.status);
  });
});

describe('The containers of a pod', () => {
  /** Counts how often one of its containers is looked at. */
  function counting() {
    const seen = { looks: 0 };
    const make = (id: string, sandboxId: string): Container => {
      const container = { metadata: { id, sandboxId }, status } as unknown as Container;
      const metadata = container.metadata;
      return Object.defineProperty(container, 'metadata', {
        get: () => {
          seen.looks += 1;
          return metadata;
        },
      });
    };
    return { seen, make };
  }

  const ids = (store: ContainerStore, sandboxId: string): string[] =>
    store.bySandbox(sandboxId).map(({ metadata }) => metadata.id);

  it('are found without a look at those of other pods', () => {
    const store = new ContainerStore('/nowhere');
    const { seen, make } = counting();
    for (let pod = 0; pod < 100; pod++) for (const name of ['a', 'b']) store.add(make(`${name}${pod}`, `pod${pod}`));
    seen.looks = 0;
    const found = store.bySandbox('pod7');
    expect(seen.looks).toBeLessThanOrEqual(2);
    expect(found.map(({ metadata }) => metadata.id)).toEqual(['a7', 'b7']);
  });

  it('are those that are listed, whatever was added, replaced and deleted before', () => {
    const store = new ContainerStore('/nowhere');
    const { make } = counting();
    for (const [id, pod] of [
      ['a', 'one'],
      ['b', 'one'],
      ['c', 'two'],
    ] as const) {
      store.add(make(id, pod));
    }
    const again = make('a', 'one');
    store.add(again);
    expect([ids(store, 'one'), ids(store, 'two'), ids(store, 'three')]).toEqual([['a', 'b'], ['c'], []]);
    expect(store.bySandbox('one')[0]).toBe(again);
    store.add(make('b', 'two'));
    store.delete('a');
    store.delete('absent');
    expect([ids(store, 'one'), ids(store, 'two')]).toEqual([[], ['c', 'b']]);
  });

  it('stay as they are when a caller changes the list it got', () => {
    const store = new ContainerStore('/nowhere');
    store.add(counting().make('a', 'one'));
    store.bySandbox('one').length = 0;
    expect(ids(store, 'one')).toEqual(['a']);
  });
});
