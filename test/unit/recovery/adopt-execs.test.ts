import { closeSync, constants, openSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Status } from '../../../generated/containerd/types/task/task';
import { newId } from '../../../src/base/ids';
import { adoptExecs, readExecs } from '../../../src/recovery/adopt-execs';
import { Code } from '../../../src/rpc/code';
import { runContainer, runPod } from '../../support/story-pods';
import { settle, until } from '../../support/streaming/until';
import { useRig } from '../../support/use-rig';

const rig = useRig();

/** A container with a process that a server before us has executed in it. */
async function orphaned(streams: readonly ('stdin' | 'stdout' | 'stderr')[] = ['stdin', 'stdout', 'stderr']) {
  const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
  rig.now.fake.world.onStart = () => undefined;
  const { host, paths, containerd } = rig.now.deps;
  const execId = newId();
  const fifos = Object.fromEntries(streams.map((name) => [name, join(paths.io(id), `${execId}-${name}`)]));
  await host.makeFifos(Object.values(fifos));
  await containerd.tasks.exec({ containerId: id, execId, ...fifos, spec: { typeUrl: 'x', value: Buffer.from('{}') } });
  const left = (): string[] => [
    ...readdirSync(paths.io(id)).filter((name) => name.startsWith(execId)),
    ...(rig.now.fake.state.tasks.get(id)?.execs.keys() ?? []),
  ];
  return { id, execId, left, start: () => containerd.tasks.start({ containerId: id, execId }) };
}

/** Opens it as a shim does; but who waits for a reader fails here at once. */
function isRead(fifo: string): boolean {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

/** Whether this process has it open; unlike a writer that comes, a look does not end the reading. */
function isOpenHere(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // that of this very look
    }
  });
}

describe('What a server before us has executed', () => {
  it('and was never started, or has ended, is deleted', async () => {
    const created = await orphaned();
    await adoptExecs(rig.now.deps, created.id);
    expect(created.left()).toEqual([]);
  });

  it('and has ended is deleted', async () => {
    const ended = await orphaned();
    await ended.start();
    rig.now.fake.process(ended.id, ended.execId).exit(0);
    await adoptExecs(rig.now.deps, ended.id);
    expect(ended.left()).toEqual([]);
  });

  it('and has ended finds somebody who reads what is left of its output while it is deleted', async () => {
    const { id, execId, start } = await orphaned();
    await start();
    rig.now.fake.process(id, execId).exit(0);
    const { containerd, paths } = rig.now.deps;
    let read: boolean[] = [];
    jest.spyOn(containerd.tasks, 'deleteProcess').mockImplementation(async () => {
      read = ['stdout', 'stderr'].map((name) => isRead(join(paths.io(id), `${execId}-${name}`)));
      return undefined;
    });
    await adoptExecs(rig.now.deps, id);
    expect(read).toEqual([true, true]);
  });

  it('and the daemon knows nothing of leaves no FIFO', async () => {
    const unknown = await orphaned();
    rig.now.fake.state.tasks.get(unknown.id)?.execs.clear();
    await adoptExecs(rig.now.deps, unknown.id);
    expect(unknown.left()).toEqual([]);
  });

  it('and still runs goes on, read from and without stdin, until it ends', async () => {
    const { id, execId, left, start } = await orphaned();
    await start();
    await adoptExecs(rig.now.deps, id);
    const process = rig.now.fake.process(id, execId);
    await until('the end of its stdin', () => process.stdinClosed);
    for (let i = 0; i < 50; i++) {
      process.write('stdout', Buffer.alloc(4096)); // more than a pipe holds
      await settle(1);
    }
    expect([process.status, process.signals, left().length]).toEqual([Status.RUNNING, [], 4]);
    process.exit(3);
    await until('nothing is left', () => left().length === 0);
  });

  it('is told of the end of its stdin when its shim reads it', async () => {
    const { id, execId, left, start } = await orphaned();
    await start();
    const process = rig.now.fake.process(id, execId);
    process.stopReadingStdin();
    await adoptExecs(rig.now.deps, id);
    await settle();
    expect(process.stdinClosed).toBe(false);
    const shim = openSync(process.facts.stdin, constants.O_RDONLY | constants.O_NONBLOCK);
    await until('the end of its stdin', () => process.stdinClosed);
    process.exit(0);
    await until('nothing is left', () => left().length === 0);
    closeSync(shim);
  });

  it('without a stdin has none to end', async () => {
    const { id, execId, left, start } = await orphaned(['stdout', 'stderr']);
    await start();
    await adoptExecs(rig.now.deps, id);
    const process = rig.now.fake.process(id, execId);
    await settle();
    expect(process.stdinClosed).toBe(false);
    process.exit(0);
    await until('nothing is left', () => left().length === 0);
  });

  it.each([
    ['stderr', 'stdout'],
    ['stdout', 'stderr'],
  ])('is no longer read at its %s when its %s cannot be opened', async (good, bad) => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    const { host, paths } = rig.now.deps;
    const fifo = (name: string): string => join(paths.io(id), `${'e'.repeat(64)}-${name}`);
    const [first, second] = [fifo(good), fifo(bad)];
    await host.makeFifos([first]);
    writeFileSync(second, 'no FIFO');
    await adoptExecs(rig.now.deps, id);
    await until('the other is closed', () => !isOpenHere(first));
    rmSync(second);
    await adoptExecs(rig.now.deps, id);
  });

  it('stays, with its FIFOs, when the daemon does not say what has become of it', async () => {
    const { id, left } = await orphaned();
    rig.now.fake.fail('Tasks/Get', {});
    await adoptExecs(rig.now.deps, id);
    expect(left()).toHaveLength(4);
    await adoptExecs(rig.now.deps, id);
    expect(left()).toEqual([]);
  });

  it('and begins to run just now is taken up all the same', async () => {
    const { id, execId, left, start } = await orphaned(['stdout', 'stderr']);
    const message = 'cannot delete a running process';
    rig.now.fake.fail('Tasks/DeleteProcess', { code: Code.FAILED_PRECONDITION, message });
    const adopted = adoptExecs(rig.now.deps, id);
    await until('it cannot be deleted', () => rig.now.fake.calls.some((call) => call.endsWith('Tasks/DeleteProcess')));
    await start();
    await adopted;
    rig.now.fake.process(id, execId).exit(0);
    await until('nothing is left', () => left().length === 0);
  });

  it('finds somebody who reads what it writes, until that is over', async () => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    const { host, paths } = rig.now.deps;
    const execId = newId();
    await host.makeFifos(['stdin', 'stdout', 'stderr'].map((name) => join(paths.io(id), `${execId}-${name}`)));
    const all = (): boolean[] =>
      ['stdin', 'stdout', 'stderr'].map((name) => isRead(join(paths.io(id), `${execId}-${name}`)));
    expect(all()).toEqual([false, false, false]);
    const readers = await readExecs(rig.now.deps);
    expect(all()).toEqual([false, true, true]);
    readers[Symbol.dispose]();
    expect(all()).toEqual([false, false, false]);
    await adoptExecs(rig.now.deps, id);
  });

  it('in a container that has no directory is nothing', async () => {
    await adoptExecs(rig.now.deps, 'nobody');
  });
});
