import { silentLogger } from '../../../src/base/logger';
import { ExitMonitor, type OnExit } from '../../../src/monitor/exit-monitor';
import { Code } from '../../../src/rpc/code';
import { type Exit, Exits } from '../../../src/state/exits';
import { runContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();

/** A monitor of its own on the rig's daemon, and what it was told. */
function monitor(act: OnExit = async () => undefined) {
  const exits = new Exits();
  const seen: number[] = [];
  const made = new ExitMonitor({ containerd: rig.now.deps.containerd, exits, log: silentLogger });
  const onExit: OnExit = async (exit) => {
    seen.push(exit.exitStatus);
    await act(exit);
  };
  const over = async (): Promise<void> => {
    while (made.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { made, exits, seen, onExit, over };
}

async function running(): Promise<string> {
  return (await runContainer(rig.now, await runPod(rig.now))).metadata.id;
}

describe('ExitMonitor', () => {
  it('repeats the handling of an exit until it succeeds', async () => {
    const id = await running();
    let failures = 1;
    const { made, seen, onExit, over } = monitor(async () => {
      if (failures-- > 0) throw new Error('the disk is full');
    });
    made.watch(id, onExit);
    rig.now.fake.process(id).exit(3);
    await over();
    expect(seen).toEqual([3, 3]);
  });

  it('asks again when a Wait breaks off, which is no exit', async () => {
    const id = await running();
    const { made, seen, onExit, over } = monitor();
    rig.now.fake.fail('Tasks/Wait', {});
    made.watch(id, onExit);
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
    made.watch('absent', onExit);
    await over();
    expect([seen, lost]).toEqual([[255], [true]]);
  });

  it('takes a task for ended whose Wait fails when the daemon knows of none any more, as 2.x does when a shim has died', async () => {
    rig.now.fake.fail('Tasks/Wait', { nth: 'always', code: Code.UNKNOWN, message: 'ttrpc: closed' });
    const exits: Exit[] = [];
    const { made, onExit, over } = monitor(async (exit) => void exits.push(exit));
    made.watch('absent', onExit);
    await over();
    expect(exits).toEqual([{ exitStatus: 255, exitedAt: expect.any(BigInt), vanished: true, lost: true }]);
  });

  it('tells nobody of the end of what is not watched any more', async () => {
    const id = await running();
    const { made, seen, onExit } = monitor();
    made.watch(id, onExit);
    made.unwatch(id);
    rig.now.fake.process(id).exit(0);
    await rig.now.deps.exits.settled(id, AbortSignal.timeout(5000));
    expect([seen, made.size]).toEqual([[], 0]);
  });

  it('waits for nothing while it holds back, and misses no end in between', async () => {
    const id = await running();
    const waits = (): number => rig.now.fake.calls.filter((call) => call.endsWith('Tasks/Wait')).length;
    const told: string[] = [];
    const { made, over } = monitor();
    const before = waits();
    made.hold();
    made.hold();
    for (const watched of [id, 'a', 'b', 'c', 'd', 'e']) made.watch(watched, async () => void told.push(watched));
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
    made.watch(id, onExit);
    made.stop();
    await made.release();
    rig.now.fake.process(id).exit(0);
    await rig.now.deps.exits.settled(id, AbortSignal.timeout(5000));
    expect([seen, made.size]).toEqual([[], 0]);
  });
});
