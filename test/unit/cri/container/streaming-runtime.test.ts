import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs';
import { Status } from '../../../../generated/containerd/types/task/task';
import { streamingRuntime } from '../../../../src/cri/container/streaming-runtime';
import { Code } from '../../../../src/rpc/code';
import type { ExecRequest } from '../../../../src/streaming/streaming-runtime';
import type { FakeProcess } from '../../../support/fake/fake-process';
import { runContainer, runPod } from '../../../support/story-pods';
import type { StoryRig } from '../../../support/story-rig';
import { FakeClient } from '../../../support/streaming/process-streams';
import { settle, until } from '../../../support/streaming/until';
import { useRig } from '../../../support/use-rig';

const rig = useRig();

/** The only process that is executed in the container. */
function execOf(on: StoryRig, id: string): FakeProcess | undefined {
  return [...(on.fake.state.tasks.get(id)?.execs.values() ?? [])][0];
}

/** A container and a client; `exec` runs a command between them. */
async function arranged(on: StoryRig) {
  const { id, sandboxId } = (await runContainer(on, await runPod(on))).metadata;
  on.fake.world.onStart = () => undefined; // it runs until the test ends it
  const client = new FakeClient();
  const exec = (request: Partial<ExecRequest> = {}): Promise<number> =>
    streamingRuntime(on.deps).exec(
      { containerId: id, sandboxId, cmd: ['date'], tty: false, stdin: true, stdout: true, stderr: true, ...request },
      client,
    );
  const fifos = (): string[] => readdirSync(on.deps.paths.io(id)).filter((name) => !name.startsWith(id));
  return { id, client, exec, fifos };
}

/** The process, once it runs. */
async function running(on: StoryRig, id: string): Promise<FakeProcess> {
  await until('it runs', () => execOf(on, id)?.status === Status.RUNNING);
  const process = execOf(on, id);
  if (!process) throw new Error('it is gone');
  return process;
}

/** What the process reads from its stdin; it has opened it, as a shim does. */
function stdinOf(process: FakeProcess) {
  const fd = openSync(process.facts.stdin, constants.O_RDWR | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(65_536);
  let text = '';
  const read = (): string => {
    try {
      text += buffer.toString('latin1', 0, readSync(fd, buffer));
    } catch {
      // Nothing there.
    }
    return text;
  };
  return { read, close: () => closeSync(fd) };
}

describe('A command that a client runs', () => {
  it('has the client’s streams and its arguments, and answers its exit code; nothing of it stays', async () => {
    const { id, client, exec, fifos } = await arranged(rig.now);
    const code = exec({ cmd: ['sh', '-c', 'date'] });
    const process = await running(rig.now, id);
    expect(fifos()).toHaveLength(3);
    const spec = JSON.parse(String(Buffer.from(process.facts.spec?.value ?? [])));
    expect(spec).toMatchObject({ args: ['sh', '-c', 'date'] });
    expect(spec).not.toHaveProperty('terminal');
    const stdin = stdinOf(process);
    client.stdin.write('hello');
    await until('its stdin', () => stdin.read() === 'hello');
    process.write('stdout', 'out');
    process.write('stderr', 'err');
    process.exit(7);
    expect(await code).toBe(7);
    expect([client.out, client.err]).toEqual(['out', 'err']);
    expect([fifos(), execOf(rig.now, id)]).toEqual([[], undefined]);
    expect(client.stdout.writableEnded).toBe(false); // it is for the server to say how it ended first
    stdin.close();
  });

  it('with a terminal has one output, and TERM', async () => {
    const { id, exec, fifos } = await arranged(rig.now);
    const code = exec({ tty: true, stderr: false });
    const process = await running(rig.now, id);
    expect(fifos().map((name) => name.replace(/^.*-/, ''))).toEqual(['stdin', 'stdout']);
    const spec = JSON.parse(String(Buffer.from(process.facts.spec?.value ?? [])));
    expect(spec).toMatchObject({ terminal: true, env: expect.arrayContaining(['TERM=xterm']) });
    expect(process.facts).toMatchObject({ terminal: true, stderr: '' });
    process.exit(0);
    expect(await code).toBe(0);
  });

  it('sees the end of its stdin once it has read all of it', async () => {
    const { id, client, exec } = await arranged(rig.now);
    const code = exec();
    const process = await running(rig.now, id);
    const stdin = stdinOf(process);
    client.stdin.end('all of it');
    await until('the end', () => process.stdinClosed);
    expect(stdin.read()).toBe('all of it');
    stdin.close();
    process.exit(0);
    await code;
  });

  it.each([true, false])('has a client that leaves: its stdin ends, and it runs on (stdin: %s)', async (stdin) => {
    const { id, client, exec } = await arranged(rig.now);
    const code = exec({ stdin });
    const process = await running(rig.now, id);
    client.leave();
    if (stdin) await until('the end of stdin', () => process.stdinClosed);
    await settle();
    expect([process.signals, process.stdinClosed]).toEqual([[], stdin]);
    for (let i = 0; i < 50; i++) {
      process.write('stdout', Buffer.alloc(4096)); // more than a pipe holds: it is read and thrown away
      await settle(1);
    }
    process.exit(5);
    expect(await code).toBe(5);
  });

  it.each(['leaves', 'ends its stdin'])(
    'is told of the end of its stdin when its shim reads it (the client %s)',
    async (how) => {
      const { id, client, exec } = await arranged(rig.now);
      const code = exec();
      const process = await running(rig.now, id);
      process.stopReadingStdin();
      if (how === 'leaves') client.leave();
      else client.stdin.end();
      await settle();
      expect(process.stdinClosed).toBe(false);
      const stdin = stdinOf(process);
      await until('the end of stdin', () => process.stdinClosed);
      stdin.close();
      process.exit(0);
      await code;
    },
  );

  it('is not even made for a client that has left', async () => {
    const { id, client, exec, fifos } = await arranged(rig.now);
    client.leave();
    const calls = rig.now.fake.calls.length;
    await expect(exec()).rejects.toThrow('the client is gone');
    expect(rig.now.fake.calls.slice(calls).filter((name) => name.endsWith('Tasks/Exec'))).toEqual([]);
    expect([fifos(), execOf(rig.now, id)]).toEqual([[], undefined]);
  });

  it('is not started for a client that leaves while it is made', async () => {
    const { id, client, exec, fifos } = await arranged(rig.now);
    rig.now.fake.fail('Tasks/Exec', { passes: true, hit: () => client.leave() });
    rig.now.fake.fail('Tasks/Start', { message: 'it was started all the same' });
    await expect(exec()).rejects.toThrow('the client is gone');
    expect([fifos(), execOf(rig.now, id)]).toEqual([[], undefined]);
  });

  it('is let go of once the process has been made, and not before', async () => {
    const { id, client } = await arranged(rig.now);
    let made = 0;
    const run = (): Promise<number> =>
      streamingRuntime(rig.now.deps).exec(
        { containerId: id, sandboxId: 'pod', cmd: ['date'], tty: false, stdin: false, stdout: true, stderr: true },
        client,
        () => made++,
      );
    rig.now.fake.fail('Tasks/Exec', { message: 'no' });
    await expect(run()).rejects.toThrow('no');
    expect(made).toBe(0);
    const code = run();
    const process = await running(rig.now, id);
    expect(made).toBe(1);
    process.exit(0);
    expect(await code).toBe(0);
  });

  it('is cut off from a child that keeps its output open, with what it said before', async () => {
    const { id, client } = await arranged(rig.now);
    const config = { ...rig.now.deps.config, drain_exec_sync_io_timeout: 30 };
    const code = streamingRuntime({ ...rig.now.deps, config }).exec(
      { containerId: id, sandboxId: 'pod', cmd: ['date'], tty: false, stdin: false, stdout: true, stderr: true },
      client,
    );
    const process = await running(rig.now, id);
    const child = openSync(process.facts.stdout, constants.O_WRONLY);
    process.write('stdout', 'before');
    process.exit(0);
    expect(await code).toBe(0);
    expect(client.out).toBe('before');
    closeSync(child);
  });

  it.each([
    ['unknown', 'nobody', Code.NOT_FOUND],
    ['not running any more', '', Code.FAILED_PRECONDITION],
  ])('in a container that is %s is refused', async (_what, id, code) => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    if (id === '') rig.now.deps.containers.updateInMemory(container, { finishedAt: 1n });
    const request = {
      containerId: id || container.metadata.id,
      sandboxId: container.metadata.sandboxId,
      cmd: ['x'],
      tty: false,
      stdin: false,
      stdout: true,
      stderr: true,
    };
    const running = streamingRuntime(rig.now.deps).exec(request, new FakeClient());
    await expect(running).rejects.toMatchObject({ code });
    rig.now.deps.containers.updateInMemory(container, { finishedAt: 0n });
  });
});

describe('A terminal', () => {
  it('gets the sizes that the client sends one after the other, the latest last, and never two at once', async () => {
    const { id, client, exec } = await arranged(rig.now);
    const code = exec({ tty: true, stderr: false });
    const process = await running(rig.now, id);
    const before = rig.now.fake.calls.length;
    for (let width = 1; width <= 500; width++) client.resize({ width, height: 24 });
    await until('the latest', () => process.size?.width === 500);
    const calls = rig.now.fake.calls.slice(before).filter((name) => name.endsWith('ResizePty'));
    expect(calls.length).toBeLessThanOrEqual(2);
    client.resize({ width: 80, height: 25 });
    await until('one that follows', () => process.size?.width === 80);
    process.exit(0);
    await code;
    client.resize({ width: 81, height: 25 }); // too late: nobody minds
  });

  it('that refuses one size gets the next', async () => {
    const { id, client, exec } = await arranged(rig.now);
    const code = exec({ tty: true, stderr: false });
    const process = await running(rig.now, id);
    let refused = false;
    rig.now.fake.fail('Tasks/ResizePty', {
      hit: () => {
        refused = true;
      },
    });
    client.resize({ width: 80, height: 25 });
    await until('the refusal', () => refused);
    await until('the next', () => {
      client.resize({ width: 90, height: 25 });
      return process.size?.width === 90;
    });
    process.exit(0);
    await code;
  });

  it('is not asked for a process that has none', async () => {
    const { id, client, exec } = await arranged(rig.now);
    const code = exec();
    const process = await running(rig.now, id);
    client.resize({ width: 80, height: 25 });
    process.exit(0);
    await code;
    expect(process.size).toBeUndefined();
  });
});
