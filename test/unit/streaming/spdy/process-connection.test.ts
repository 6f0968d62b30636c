import type { ProcessStreams, TerminalSize } from '../../../../src/streaming/streaming-runtime';
import { useStreaming } from '../../../support/streaming/rig';
import { GOAWAY } from '../../../support/streaming/spdy-client';
import { settle, until } from '../../../support/streaming/until';

const rig = useStreaming();

const ALL = ['error', 'stdin', 'stdout', 'stderr'] as const;
const V4 = 'v4.channel.k8s.io';

function written(to: NodeJS.WritableStream | undefined, text: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!to) reject(new Error('there is no such stream'));
    else to.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Everything that stdin has until its end; does not destroy it, as an async iterator would. */
function read({ stdin }: ProcessStreams): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stdin?.on('data', (chunk) => {
      text += chunk;
    });
    stdin?.on('end', () => resolve(text));
    stdin?.on('error', reject);
  });
}

describe.each([
  ['v4.channel.k8s.io', true],
  ['v3.channel.k8s.io', false],
  ['v2.channel.k8s.io', false],
  ['channel.k8s.io', false],
])('Over SPDY, %s', (protocol, json) => {
  it('carries stdin, stdout and stderr apart, and ends with goodbye', async () => {
    rig.now.runtime.onExec = async (streams) => {
      const text = await read(streams);
      await written(streams.stdout, `out ${text}`);
      await written(streams.stderr, `err ${text}`);
      return 0;
    };
    const client = await rig.now.spdy(rig.now.execUrl(), protocol);
    const { error, stdin, stdout, stderr } = await client.openAll(...ALL);
    stdin.write('hel');
    stdin.end('lo');
    expect([await stdout.all(), await stderr.all()]).toEqual(['out hello', 'err hello']);
    const status = await error.all();
    if (json) expect(JSON.parse(status)).toMatchObject({ status: 'Success' });
    else expect(status).toBe('');
    await until('the goodbye', () => client.ended);
    expect(client.frames.map(({ type }) => type)).toEqual([GOAWAY]);
    expect([error, stdin, stdout, stderr].map(({ reset }) => reset)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('tells an exit code', async () => {
    rig.now.runtime.onExec = async () => 42;
    const client = await rig.now.spdy(rig.now.execUrl(), protocol);
    const { error } = await client.openAll(...ALL);
    const status = await error.all();
    if (json) {
      expect(JSON.parse(status)).toMatchObject({
        status: 'Failure',
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: '42' }] },
      });
    } else expect(status).toBe('command terminated with non-zero exit code: exit status 42');
  });

  it('tells an error', async () => {
    rig.now.runtime.onAttach = () => Promise.reject(new Error('container "web" does not run'));
    const client = await rig.now.spdy(rig.now.attachUrl(), protocol);
    const { error } = await client.openAll(...ALL);
    const status = await error.all();
    if (json) {
      expect(JSON.parse(status)).toMatchObject({
        status: 'Failure',
        message: 'Internal error occurred: container "web" does not run',
        reason: 'InternalError',
        code: 500,
      });
    } else expect(status).toBe('container "web" does not run');
  });
});

describe('Over SPDY, a process', () => {
  it('is told its status only after the client has all of its output', async () => {
    const output = Buffer.alloc(5 << 20, 'x');
    rig.now.runtime.onExec = async ({ stdout }) => {
      await written(stdout, output);
      return 3;
    };
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    const { error, stdout } = await client.openAll(...ALL);
    await until('the status', () => error.bytes > 0);
    expect(stdout.bytes).toBe(output.length);
  });

  it('starts when all its streams are there, in whatever order they come', async () => {
    const client = await rig.now.spdy(rig.now.execUrl({ tty: true, stderr: false }), V4);
    for (const type of ['resize', 'stdout', 'stdin']) await client.open({ streamtype: type });
    await client.ping();
    expect(rig.now.runtime.execs).toEqual([]);
    await client.open({ streamtype: 'error' });
    await until('it runs', () => rig.now.runtime.execs.length === 1);
    expect(rig.now.runtime.execs[0]).toEqual({
      containerId: 'web',
      sandboxId: 'pod of web',
      cmd: ['run'],
      tty: true,
      stdin: true,
      stdout: true,
      stderr: false,
    });
  });

  it.each([
    ['stdin alone', { stdout: false, stderr: false }, ['error', 'stdin']],
    ['stdout alone', { stdin: false, stderr: false }, ['error', 'stdout']],
    ['stderr alone', { stdin: false, stdout: false }, ['error', 'stderr']],
  ])('has the streams that were asked for: %s', async (_what, wanted, types) => {
    let had: string[] = [];
    rig.now.runtime.onExec = async ({ stdin, stdout, stderr }) => {
      had = Object.entries({ stdin, stdout, stderr }).flatMap(([name, stream]) => (stream ? [name] : []));
      return 0;
    };
    const client = await rig.now.spdy(rig.now.execUrl(wanted), V4);
    await client.openAll(...types);
    await until('the goodbye', () => client.ended);
    expect(had).toEqual(types.slice(1));
  });

  it('hears of sizes, the latest first, none before v3', async () => {
    const sizes: TerminalSize[] = [];
    let ask: () => void = () => undefined;
    rig.now.runtime.onExec = async ({ onResize, signal }) => {
      ask = () => onResize((size) => sizes.push(size));
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 0;
    };
    const client = await rig.now.spdy(rig.now.execUrl({ tty: true, stderr: false }), V4);
    const { resize } = await client.openAll('error', 'stdin', 'stdout', 'resize');
    resize.write('{"Width":80,"Height":24}{"Width":100,"Height":30}\n');
    await client.ping();
    ask();
    expect(sizes).toEqual([{ width: 100, height: 30 }]);
    resize.write('{"Width":0,"Height":0}{"Width":120,"Height":40}');
    await client.ping(3);
    expect(sizes).toEqual([
      { width: 100, height: 30 },
      { width: 120, height: 40 },
    ]);
    const old = await rig.now.spdy(rig.now.execUrl({ tty: true, stderr: false }), 'v2.channel.k8s.io');
    await old.openAll('error', 'stdin', 'stdout'); // which starts it
    await until('both run', () => rig.now.runtime.execs.length === 2);
  });

  it('whose client leaves hears of it, with its stdin cut off', async () => {
    let heard: unknown;
    let closed = false;
    rig.now.runtime.onExec = ({ signal, stdin }) => {
      stdin?.on('close', () => {
        closed = true;
      });
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          heard = signal.reason;
          resolve(0);
        });
      });
    };
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    await client.openAll(...ALL);
    await until('it runs', () => rig.now.runtime.running === 1);
    client.destroy();
    await until('it hears', () => heard !== undefined && closed);
    expect(String(heard)).toContain('the client is gone');
  });

  it('hears that its client left, though it had ended a stdin that nobody reads', async () => {
    let gone = false;
    rig.now.runtime.onExec = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          gone = true;
          resolve(0);
        });
      });
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    const { stdin } = await client.openAll(...ALL);
    stdin.end(Buffer.alloc(65_536));
    await until('it runs', () => rig.now.runtime.running === 1);
    await client.ping();
    client.destroy();
    await until('it hears', () => gone);
  });

  it('whose client resets one stream goes on with the others', async () => {
    let failed = false;
    rig.now.runtime.onExec = async (streams) => {
      streams.stderr?.on('error', () => {
        failed = true;
      });
      const text = await read(streams);
      await written(streams.stdout, text);
      return 0;
    };
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    const { stdin, stdout, stderr, error } = await client.openAll(...ALL);
    stderr.giveUp();
    await client.ping();
    stdin.end('still here');
    expect(await stdout.all()).toBe('still here');
    expect(JSON.parse(await error.all())).toMatchObject({ status: 'Success' });
    expect(failed).toBe(true);
  });

  it('is not disturbed by what a client sends on an output, nor by streams that it opens besides', async () => {
    rig.now.runtime.onExec = async (streams) => {
      const text = await read(streams);
      await written(streams.stdout, text);
      return 0;
    };
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    const { error, stdin, stdout, stderr } = await client.openAll(...ALL);
    const more = await client.open({ streamtype: 'more' });
    for (const stream of [error, stdout, stderr, more]) stream.write(Buffer.alloc(200_000));
    stdin.end('hello');
    expect(await stdout.all()).toBe('hello');
  });

  it('is slowed down by a client that does not read, and goes on with it', async () => {
    let taken = 0;
    rig.now.runtime.onExec = async ({ stdout }) => {
      for (; taken < 64; taken++) await written(stdout, Buffer.alloc(1 << 20));
      return 0;
    };
    const client = await rig.now.spdy(rig.now.execUrl(), V4);
    const { error, stdout } = await client.openAll(...ALL);
    stdout.discarding = true;
    client.socket.pause();
    let before = -1;
    await until('it waits', () => {
      const still = before === taken;
      before = taken;
      return still && taken > 0;
    });
    await settle();
    expect(taken).toBeLessThan(40);
    client.socket.resume();
    expect(JSON.parse(await error.all())).toMatchObject({ status: 'Success' });
    expect(stdout.bytes).toBe(64 << 20);
  });
});
