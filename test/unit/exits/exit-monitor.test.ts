import { silentLogger } from '../../../src/base/logger';
import { ExitMonitor, type OnExit } from '../../../src/exits/exit-monitor';
import { Code } from '../../../src/rpc/code';
import { type Exit, Exits } from '../../../src/state/exits';
import type { SoughtTask } from '../../../src/tasks/task-presence';
import { makeContainer, runContainer, runPod } from '../../support/story-pods';
import { until } from '../../support/streaming/until';
import { useRig } from '../../support/use-rig';

const rig = useRig();

/** A monitor of its own on the rig's daemon, and what it was told. */
function monitor(act: OnExit = async () => undefined) {
  const exits = new Exits();
  const seen: number[] = [];
  const made = new ExitMonitor({ containerd: rig.now.deps.containerd, host: rig.now.host, exits, log: silentLogger });
  const onExit: OnExit = async (exit) => {
    seen.push(exit.exitStatus);
    await act(exit);
  };
  const over = async (): Promise<void> => {
    while (made.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { made, exits, seen, onExit, over };
}

const task = (id: string): SoughtTask => ({ id, shimIds: [], hostProcesses: true });

const waits = (): number => rig.now.fake.calls.filter((call) => call.endsWith('Tasks/Wait')).length;

async function running(): Promise<string> {
  return (await runContainer(rig.now, await runPod(rig.now))).metadata.id;
}

/** A task that no other monitor deletes when it has ended. */
async function unwatched(): Promise<string> {
  const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
  await rig.now.deps.containerd.tasks.create({ containerId: id, rootfs: [] });
  await rig.now.deps.containerd.tasks.start({ containerId: id });
  return id;
}

describe('ExitMonitor', () => {
  it('disposes of what goes beside a task once its end is handled, or when it is not watched any more', async () => {
    const order: string[] = [];
    const beside = (name: string): Disposable => ({
      [Symbol.dispose]: () => void order.push(`${name} is disposed of`),
    });
    const { made, over } = monitor();
    const id = await running();
    made.watch(task('absent'), async () => void order.push('the end is handled'), beside('the ended one'));
    await over();
    made.watch(task(id), async () => undefined, beside('the first'));
    made.watch(task(id), async () => undefined, beside('the second'));
    expect(order).toEqual(['the end is handled', 'the ended one is disposed of', 'the first is disposed of']);
    made.stop();
    expect(order.slice(3)).toEqual(['the second is disposed of']);
  });

  it('repeats the handling of an exit until it succeeds', async () => {
    const id = await running();
    let failures = 1;
    const { made, seen, onExit, over } = monitor(async () => {
      if (failures-- > 0) throw new Error('the disk is full');
    });
    made.watch(task(id), onExit);
    rig.now.fake.process(id).exit(3);
    await over();
    expect(seen).toEqual([3, 3]);
  });

  it('asks again when a Wait breaks off, which is no exit', async () => {
    const id = await running();
    const { made, seen, onExit, over } = monitor();
    rig.now.fake.fail('Tasks/Wait', {});
    made.watch(task(id), onExit);
    while (rig.now.fake.calls.filter((call) => call.endsWith('Tasks/Wait')).length < 4)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(seen).toEqual([]);
    rig.now.fake.process(id).exit(0);
    await over();
    expect(seen).toEqual([0]);
  });

  it('takes a task that is gone for ended, with a code that says that nobody knows', async () => {
    const lost: (boolean | undefined)[] = [];
    const { made, seen, onExit, over } = monitor(async (exit) => void lost.push(exit.lost));
    made.watch(task('absent'), onExit);
    await over();
    expect([seen, lost]).toEqual([[255], [true]]);
  });

  it('takes a task for ended whose Wait fails when the daemon knows of none any more, as 2.x does when a shim has died', async () => {
    rig.now.fake.fail('Tasks/Wait', { nth: 'always', code: Code.UNKNOWN, message: 'ttrpc: closed' });
    const exits: Exit[] = [];
    const { made, onExit, over } = monitor(async (exit) => void exits.push(exit));
    made.watch(task('absent'), onExit);
    await over();
    expect(exits).toEqual([{ exitStatus: 255, exitedAt: expect.any(BigInt), vanished: true, lost: true }]);
  });

  it('takes no task for ended of which only its Wait says NOT_FOUND', async () => {
    const id = await unwatched();
    const { made, seen, onExit, over } = monitor();
    const before = waits();
    for (const nth of [1, 2]) rig.now.fake.fail('Tasks/Wait', { nth, code: Code.NOT_FOUND });
    made.watch(task(id), onExit);
    await until('a third Wait', () => waits() - before >= 3);
    expect(seen).toEqual([]);
    rig.now.fake.process(id).exit(4);
    await over();
    expect(seen).toEqual([4]);
  });

  it('takes no task for ended whose processes and shim run, whatever containerd says', async () => {
    const id = await unwatched();
    const { made, seen, onExit, over } = monitor();
    for (const method of ['Wait', 'Get', 'List'])
      rig.now.fake.fail(`Tasks/${method}`, { nth: 'always', code: Code.NOT_FOUND });
    const before = waits();
    made.watch(task(id), onExit);
    await until('four Waits', () => waits() - before >= 4);
    expect(seen).toEqual([]);
    rig.now.fake.heal();
    rig.now.fake.process(id).exit(5);
    await over();
    expect(seen).toEqual([5]);
  });

  it('takes processes without a shim for the rest of a task only when no list has it', async () => {
    const { made, seen, onExit, over } = monitor();
    rig.now.host.strays.add('absent');
    rig.now.fake.fail('Tasks/List', { nth: 1 });
    made.watch(task('absent'), onExit);
    await over();
    expect(seen).toEqual([255]);
    expect(rig.now.fake.calls.filter((call) => call.endsWith('Tasks/List')).length).toBe(2);
  });

  it('tells nobody of the end of what is not watched any more', async () => {
    const id = await running();
    const { made, seen, onExit } = monitor();
    made.watch(task(id), onExit);
    made.unwatch(id);
    rig.now.fake.process(id).exit(0);
    await rig.now.deps.exits.settled(id, AbortSignal.timeout(5000));
    expect([seen, made.size]).toEqual([[], 0]);
  });

  it('waits for nothing while it holds back, and misses no end in between', async () => {
    const id = await running();
    const told: string[] = [];
    const { made, over } = monitor();
    const before = waits();
    made.hold();
    made.hold();
    for (const watched of [id, 'a', 'b', 'c', 'd', 'e']) made.watch(task(watched), async () => void told.push(watched));
    rig.now.fake.process(id).exit(7);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([waits() - before, told, made.size]).toEqual([0, [], 6]);
    await made.release();
    await over();
    expect(waits() - before).toBe(6);
    expect(told.sort()).toEqual([id, 'a', 'b', 'c', 'd', 'e'].sort());
  });

  it('tells nobody of what was given up while it was held back', async () => {
    const id = await running();
    const { made, seen, onExit } = monitor();
    made.hold();
    made.watch(task(id), onExit);
    made.stop();
    await made.release();
    rig.now.fake.process(id).exit(0);
    await rig.now.deps.exits.settled(id, AbortSignal.timeout(5000));
    expect([seen, made.size]).toEqual([[], 0]);
  });
});
