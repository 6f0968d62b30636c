import { closeSync, constants, openSync, readdirSync, writeSync } from 'node:fs';
import { Status } from '../../../../generated/containerd/types/task/task';
import { ExecSyncRequest } from '../../../../generated/cri/v1/api';
import { execSync } from '../../../../src/cri/container/exec-sync';
import { streamingRuntime } from '../../../../src/cri/container/streaming-runtime';
import type { FakeProcess } from '../../../support/fake/fake-process';
import { runContainer, runPod } from '../../../support/story-pods';
import { FakeClient } from '../../../support/streaming/process-streams';
import { settle, until } from '../../../support/streaming/until';
import { useRig } from '../../../support/use-rig';

const rig = useRig();

/** What a command answers, as far as both ways of asking have it. */
interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
}

interface Asking {
  readonly answer: Promise<Answer>;
  /** The caller, or the client, goes. */
  leave(): void;
}

/** Runs a command; the time that its children have for their output is in milliseconds, 0: no limit. */
type Ask = (id: string, drainMs: number) => Asking;

const WAYS: [string, Ask][] = [
  [
    'ExecSync',
    (id, drainMs) => {
      const caller = new AbortController();
      const { deps } = rig.now;
      const config = { ...deps.config, drain_exec_sync_io_timeout: drainMs };
      const request = ExecSyncRequest.fromPartial({ containerId: id, cmd: ['date'] });
      const answer = execSync({ ...deps, config }, request, rig.now.call(caller.signal));
      return {
        answer: answer.then(({ exitCode, stdout }) => ({ exitCode, stdout: String(stdout) })),
        leave: () => caller.abort(new Error('gone')),
      };
    },
  ],
  [
    'Exec',
    (id, drainMs) => {
      const client = new FakeClient();
      const config = { ...rig.now.deps.config, drain_exec_sync_io_timeout: drainMs };
      const streams = { tty: false, stdin: false, stdout: true, stderr: true };
      const request = { containerId: id, sandboxId: 'pod', cmd: ['date'], ...streams };
      const code = streamingRuntime({ ...rig.now.deps, config }).exec(request, client);
      const answer = code.then((exitCode) => ({ exitCode, stdout: client.out }));
      return { answer, leave: () => client.leave() };
    },
  ],
];

/** A child of a process that outlives it, and holds its stdout. */
class Child {
  private readonly fd: number;
  constructor(process: FakeProcess) {
    this.fd = openSync(process.facts.stdout, constants.O_WRONLY | constants.O_NONBLOCK);
  }

  print(text: string): void {
    writeSync(this.fd, text);
  }

  /** More than a pipe holds: it gets through only to somebody who reads. */
  async printMuch(): Promise<void> {
    let left = 300_000;
    await until('all has been read', () => {
      try {
        left -= writeSync(this.fd, Buffer.alloc(Math.min(left, 4096)));
      } catch {
        // The pipe is full.
      }
      return left === 0;
    });
  }

  isUnread(): boolean {
    try {
      this.print('x');
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPIPE';
    }
  }

  end(): void {
    closeSync(this.fd);
  }
}

/** What commands have left in the daemon and on disk. */
function left(id: string): string[] {
  const execs = [...(rig.now.fake.state.tasks.get(id)?.execs.keys() ?? [])];
  return [...execs, ...readdirSync(rig.now.deps.paths.io(id)).filter((name) => !name.startsWith(id))];
}

/** A command that has printed and ended, and its child. */
async function arranged(ask: Ask, drainMs: number) {
  const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
  rig.now.fake.world.onStart = () => undefined;
  const asking = ask(id, drainMs);
  asking.answer.catch(() => undefined);
  const process = () => [...(rig.now.fake.state.tasks.get(id)?.execs.values() ?? [])][0];
  await until('it runs', () => process()?.status === Status.RUNNING);
  const running = process() as FakeProcess;
  const child = new Child(running);
  running.write('stdout', 'now, ');
  running.exit(3);
  return { ...asking, id, child };
}

describe.each(WAYS)('A command of %s that has a child left', (way, ask) => {
  it('is not deleted, by which a shim ends its outputs, before they have ended', async () => {
    const { answer, id, child } = await arranged(ask, 0);
    await settle();
    expect(left(id)).not.toEqual([]);
    child.print('late');
    child.end();
    expect(await answer).toEqual({ exitCode: 3, stdout: 'now, late' });
    expect(left(id)).toEqual([]);
  });

  it('is answered when the time of the child is up', async () => {
    const { answer, id, child } = await arranged(ask, 30);
    expect(await answer).toEqual({ exitCode: 3, stdout: 'now, ' });
    expect(left(id)).toEqual([]);
    child.end();
  });

  it('is deleted at once when nobody waits for it any more, whatever its child may print', async () => {
    const { answer, leave, id, child } = await arranged(ask, 0);
    await settle(); // so that its output is waited for
    leave();
    if (way === 'ExecSync') await expect(answer).rejects.toThrow('gone');
    else expect((await answer).exitCode).toBe(3);
    expect(left(id)).toEqual([]);
    child.end();
  });

  it('is read from until it is deleted: a shim that waits for a reader would not let go of it', async () => {
    let deletable: () => void = () => undefined;
    const untilThen = new Promise<void>((resolve) => {
      deletable = resolve;
    });
    let deleting = false;
    const hit = (): void => {
      deleting = true;
    };
    rig.now.fake.fail('Tasks/DeleteProcess', { until: untilThen, hit });
    const { answer, leave, id, child } = await arranged(ask, 0);
    await settle();
    leave();
    await until('it is being deleted', () => deleting);
    await child.printMuch();
    deletable();
    await answer.catch(() => undefined);
    await until('nothing is left', () => left(id).length === 0);
    await until('nobody reads it', () => child.isUnread());
    child.end();
  });
});
