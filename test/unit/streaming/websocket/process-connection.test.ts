import type { ProcessStreams, TerminalSize } from '../../../../src/streaming/streaming-runtime';
import { useStreaming } from '../../../support/streaming/rig';
import { settle, until } from '../../../support/streaming/until';
import { askUpgrade } from '../../../support/streaming/upgrade';
import { TestWebSocket } from '../../../support/streaming/web-socket';

const rig = useStreaming();
const V5 = 'v5.channel.k8s.io';

function written(to: NodeJS.WritableStream | undefined, text: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!to) reject(new Error('there is no such stream'));
    else to.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** What stdin has until its end, or until it has sent `enough`: older protocols have no end. */
function read({ stdin }: ProcessStreams, enough = Number.POSITIVE_INFINITY): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stdin?.on('data', (chunk) => {
      text += chunk;
      if (text.length >= enough) resolve(text);
    });
    stdin?.on('end', () => resolve(text));
  });
}

function untilGone({ signal }: ProcessStreams): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

describe('Over WebSocket, a process', () => {
  it.each([
    ['v5.channel.k8s.io', true],
    ['v4.channel.k8s.io', true],
    ['channel.k8s.io', false],
    [undefined, false],
  ])('by %s has binary channels', async (protocol, json) => {
    rig.now.runtime.onExec = async (streams) => {
      const text = await read(streams, 5);
      await written(streams.stdout, `out ${text}`);
      await written(streams.stderr, `err ${text}`);
      return 7;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), protocol);
    client.send(0, 'hel');
    client.send(0, 'lo');
    expect(await client.end()).toBe(1000);
    expect([client.protocol, client.text(1), client.text(2)]).toEqual([protocol, 'out hello', 'err hello']);
    if (json) expect(JSON.parse(client.text(3))).toMatchObject({ details: { causes: [{ message: '7' }] } });
    else expect(client.text(3)).toBe('command terminated with non-zero exit code: exit status 7');
  });

  it.each([
    ['v4.base64.channel.k8s.io', true],
    ['base64.channel.k8s.io', false],
  ])('by %s has channels in base64', async (protocol, json) => {
    rig.now.runtime.onExec = async (streams) => {
      const text = await read(streams, 5);
      await written(streams.stdout, `out ${text}`);
      return 7;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), protocol);
    client.socket.send(`0${Buffer.from('grün?').toString('base64')}`);
    expect(await client.end()).toBe(1000);
    expect([client.protocol, client.base64Text(1)]).toEqual([protocol, 'out grün?']);
    if (json) expect(JSON.parse(client.base64Text(3))).toMatchObject({ details: { causes: [{ message: '7' }] } });
    else expect(client.base64Text(3)).toBe('command terminated with non-zero exit code: exit status 7');
  });

  it('that went well tells so in JSON, and says nothing in the old protocols', async () => {
    const [v5, old] = [await rig.now.webSocket(rig.now.execUrl(), V5), await rig.now.webSocket(rig.now.execUrl())];
    await Promise.all([v5.end(), old.end()]);
    expect(JSON.parse(v5.text(3))).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' });
    expect(old.messages.map(String)).toEqual(['\x01']);
  });

  it('by v5 sees the end of stdin and goes on', async () => {
    rig.now.runtime.onExec = async (streams) => {
      const text = await read(streams);
      await written(streams.stdout, `all: ${text}`);
      return 0;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    client.send(0, 'everything');
    client.send(255, Buffer.from([0]));
    client.send(0, 'too late');
    await client.end();
    expect(client.text(1)).toBe('all: everything');
  });

  it.each([
    ['no channel', Buffer.alloc(0)],
    ['a channel that there is not', Buffer.from([9])],
    ['an output', Buffer.from([1])],
  ])('by v5 goes on when the client ends %s', async (_what, payload) => {
    rig.now.runtime.onExec = async (streams) => (await read(streams)).length;
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    client.send(255, payload);
    client.send(0, '123');
    client.send(255, Buffer.from([0]));
    await client.end();
    expect(client.text(3)).toContain('exit status 3');
  });

  it('by v4 takes 255 for a channel like any other', async () => {
    rig.now.runtime.onExec = async (streams) => (await read(streams, 3)).length;
    const client = await rig.now.webSocket(rig.now.execUrl(), 'v4.channel.k8s.io');
    client.send(255, Buffer.from([0]));
    client.send(0, '123');
    await client.end();
    expect(client.text(3)).toContain('exit status 3');
  });

  it.each([
    [{ stdin: true, stdout: true, stderr: true }, 1],
    [{ stdin: true, stdout: false, stderr: true }, 2],
    [{ stdin: true, stdout: false, stderr: false }, 3],
  ])('with %j is announced by an empty message on channel %d', async (wanted, channel) => {
    rig.now.runtime.onExec = async (streams) => {
      await untilGone(streams);
      return 0;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(wanted), V5);
    await until('the announcement', () => client.messages.length === 1);
    expect(client.messages).toEqual([Buffer.from([channel])]);
  });

  it('hears of sizes, whatever else comes on that channel', async () => {
    const sizes: TerminalSize[] = [];
    rig.now.runtime.onAttach = async (streams) => {
      streams.onResize((size) => sizes.push(size));
      await untilGone(streams);
    };
    const client = await rig.now.webSocket(rig.now.attachUrl({ tty: true, stderr: false }), V5);
    client.send(4, '{"Width":80,"Height":24}');
    client.send(4, 'garbage}');
    client.send(4, '{"Width":100,"Height":30}');
    await until('both', () => sizes.length === 2);
    expect(sizes).toEqual([
      { width: 80, height: 24 },
      { width: 100, height: 30 },
    ]);
  });

  it('is told its status only after the client has all of its output', async () => {
    rig.now.runtime.onExec = async ({ stdout }) => {
      for (let i = 0; i < 5; i++) await written(stdout, Buffer.alloc(1 << 20, 'x'));
      return 0;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    await client.end();
    expect(client.bytes(1).length).toBe(5 << 20);
    expect(client.messages.at(-1)?.[0]).toBe(3);
  });

  it('gets a message that comes in pieces, and one of many bytes', async () => {
    rig.now.runtime.onExec = async (streams) => {
      const text = await read(streams);
      await written(streams.stdout, String(text.length));
      return 0;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    client.socket.send(Buffer.from([0]), { fin: false, binary: true });
    client.socket.send(Buffer.from('in '), { fin: false, binary: true });
    client.socket.send(Buffer.from('pieces'), { fin: true, binary: true });
    for (let i = 0; i < 3; i++) client.send(0, Buffer.alloc((1 << 20) - 1));
    client.send(255, Buffer.from([0]));
    await client.end();
    expect(client.text(1)).toBe(String(9 + 3 * ((1 << 20) - 1)));
  });

  it.each(['terminate', 'close'] as const)('whose client goes by %s hears of it', async (how) => {
    let closed = false;
    rig.now.runtime.onExec = async (streams) => {
      streams.stdin?.on('close', () => {
        closed = true;
      });
      await untilGone(streams);
      return 0;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    await until('it runs', () => rig.now.runtime.running === 1);
    client.socket[how]();
    await until('it hears', () => rig.now.runtime.running === 0 && closed);
  });

  it('hears that its client left, though it had ended a stdin that nobody reads', async () => {
    rig.now.runtime.onExec = async (streams) => {
      await untilGone(streams);
      return 0;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    await until('it runs', () => rig.now.runtime.running === 1);
    client.send(0, Buffer.alloc(65_536));
    client.send(255, Buffer.from([0]));
    await new Promise((resolve) => client.socket.ping('', true, resolve));
    await until('the answer', () => client.messages.length > 0);
    client.destroy();
    await until('it hears', () => rig.now.runtime.running === 0);
  });

  it('that does not read its stdin stops the client, and goes on with it', async () => {
    let go: () => void = () => undefined;
    rig.now.runtime.onExec = async (streams) => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      return (await read(streams)).length === 32 << 20 ? 0 : 1;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    await until('it runs', () => rig.now.runtime.running === 1);
    for (let i = 0; i < 512; i++) client.send(0, Buffer.alloc(65_536));
    client.send(255, Buffer.from([0]));
    let before = -1;
    await until('the client waits', () => {
      const still = before === client.socket.bufferedAmount;
      before = client.socket.bufferedAmount;
      return still;
    });
    expect(client.socket.bufferedAmount).toBeGreaterThan(10 << 20);
    go();
    await client.end();
    expect(JSON.parse(client.text(3))).toMatchObject({ status: 'Success' });
  });

  it('is slowed down by a client that does not read, and goes on with it', async () => {
    let taken = 0;
    rig.now.runtime.onExec = async ({ stdout }) => {
      for (; taken < 64; taken++) await written(stdout, Buffer.alloc(1 << 20));
      return 0;
    };
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
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
    await client.end();
    expect(client.bytes(1).length).toBe(64 << 20);
  });
});

describe('Over WebSocket, a request', () => {
  it.each([
    ['v9.channel.k8s.io', '403'],
    ['portforward.k8s.io', '403'],
  ])('for %s is refused with %s', async (protocol, status) => {
    await expect(TestWebSocket.connect(rig.now.execUrl(), protocol)).rejects.toThrow(status);
    expect(rig.now.runtime.execs).toEqual([]);
  });

  it.each([
    ['a key that is none', { 'sec-websocket-key': 'short' }],
    ['no key', { 'sec-websocket-key': '' }],
    ['another version', { 'sec-websocket-version': '7' }],
    ['another method', {}],
  ])('with %s is refused with 400, and leaves no connection', async (what, headers) => {
    const answer = await askUpgrade(rig.now.execUrl(), {
      method: what === 'another method' ? 'POST' : 'GET',
      headers: {
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': V5,
        ...(headers as Record<string, string>),
      },
    });
    expect(answer.status).toBe(400);
    await until('it is gone', () => rig.now.server.connectionCount === 0);
    expect(rig.now.runtime.execs).toEqual([]);
  });
});
