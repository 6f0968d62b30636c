import { until } from '../../support/daemon/process';
import { Command, type CommandProtocol, runCommand } from '../../support/kubelet/command';
import {
  fullName,
  type KubeletNode,
  podUntil,
  putPod,
  ready,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { podManifest, shell, web } from '../../support/kubelet/manifest';
import { containerOf } from '../../support/kubelet/pod-view';
import { ForwardedPort } from '../../support/kubelet/port-forward';

const SECOND = 1000;
const WAIT = "trap 'exit 0' TERM; while true; do sleep 0.1; done";

let node: KubeletNode;

beforeAll(async () => {
  node = await startKubeletNode();
  const echo = 'while read line; do echo "heard $line"; done; echo over';
  putPod(
    node,
    podManifest('main', [
      shell('main', WAIT),
      web('web'),
      shell('echo', echo, { stdin: true }),
      shell('terminal', 'echo; exec sh', { stdin: true, tty: true }),
    ]),
  );
  putPod(
    node,
    podManifest('once', [shell('main', echo, { stdin: true, stdinOnce: true })], { restartPolicy: 'Never' }),
  );
  await ready(node, 'main');
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

const inMain = (...command: string[]) => ({ pod: 'main', container: 'main', command });

describe.each<CommandProtocol>(['v4.channel.k8s.io', 'v5.channel.k8s.io'])('exec through kubelet, %s', (protocol) => {
  it('gives stdout and stderr apart, and the exit code', async () => {
    const outcome = await runCommand(node, inMain('sh', '-c', 'echo out; echo err >&2; exit 42'), { protocol });
    expect(outcome).toMatchObject({ status: 'Failure', exitCode: 42, stdout: 'out\n', stderr: 'err\n' });
    expect(await runCommand(node, inMain('true'), { protocol })).toMatchObject({ status: 'Success', exitCode: 0 });
  });

  it('takes stdin', async () => {
    const command = await Command.start(node, inMain('head', '-n', '2'), { protocol, stdin: true });
    await command.write('one\ntwo\nthree\n');
    expect(await command.outcome()).toMatchObject({ status: 'Success', stdout: 'one\ntwo\n' });
  });

  it('gives a terminal of the size that the client says', async () => {
    const command = await Command.start(node, inMain('sh'), { protocol, stdin: true, tty: true });
    await command.resize(111, 37);
    await until('the size has come', 10 * SECOND, async () => {
      await command.write('stty size\n');
      return command.stdout.includes('37 111');
    });
    await command.write('exit 3\n');
    expect(await command.outcome()).toMatchObject({ status: 'Failure', exitCode: 3, stderr: '' });
  });

  it('says so when there is no such program', async () => {
    const outcome = await runCommand(node, inMain('/no/such/program'), { protocol });
    expect(outcome).toMatchObject({ status: 'Failure', message: expect.stringContaining('/no/such/program') });
  });
});

describe('exec through kubelet', () => {
  it('ends stdin when the client does', async () => {
    const command = await Command.start(node, inMain('wc', '-c'), { stdin: true });
    await command.write('12345');
    await command.endInput();
    expect(await command.outcome()).toMatchObject({ status: 'Success', stdout: '5\n' });
  });

  it('is refused for a container that is not there', async () => {
    const absent = { pod: 'main', container: 'absent', command: ['true'] };
    await expect(runCommand(node, absent)).rejects.toThrow(/50\d|404/);
  });

  it('answers in one piece by /run', async () => {
    const run = (cmd: string) => node.api.call('POST', `/run/default/${fullName(node, 'main')}/main?cmd=${cmd}`);
    expect(await run('echo+a+b')).toEqual({ status: 200, body: 'a b\n' });
    const failed = await run('ls+/absent');
    expect(failed.status).toBe(500);
  });
});

describe('attach through kubelet', () => {
  const echo = { pod: 'main', container: 'echo' };

  it('talks to the container, and leaves it running when the client leaves', async () => {
    for (const word of ['first', 'second']) {
      const client = await Command.start(node, echo, { stdin: true });
      await client.write(`${word}\n`);
      await until('it answers', 10 * SECOND, async () => client.stdout === `heard ${word}\n`);
      client.leave();
    }
    expect(containerOf(await ready(node, 'main'), 'echo').restartCount).toBe(0);
  });

  it('gives several clients the same output', async () => {
    const clients = await Promise.all([1, 2, 3].map(() => Command.start(node, echo, { stdin: true })));
    // A client may be answered a moment before it is attached: what is said then it does not hear.
    await until('each has heard', 60 * SECOND, async () => {
      await clients[1]?.write('all of you\n');
      return clients.every(({ stdout }) => stdout.includes('heard all of you\n'));
    });
    for (const client of clients) client.leave();
  });

  it('reaches a terminal and its size', async () => {
    const client = await Command.start(node, { pod: 'main', container: 'terminal' }, { stdin: true, tty: true });
    await client.resize(99, 21);
    await until('the size has come', 10 * SECOND, async () => {
      await client.write('stty size\n');
      return client.stdout.includes('21 99');
    });
    client.leave();
  });

  it('ends the stdin of a container that wants one client only', async () => {
    await ready(node, 'once');
    const client = await Command.start(node, { pod: 'once', container: 'main' }, { stdin: true });
    await client.write('hello\n');
    await until('it answers', 10 * SECOND, async () => client.stdout === 'heard hello\n');
    await client.endInput();
    const pod = await podUntil(node, 'once', { what: 'has ended' }, ({ status }) => status.phase === 'Succeeded');
    expect(containerOf(pod, 'main').state.terminated).toMatchObject({ exitCode: 0 });
    expect((await client.outcome()).stdout).toBe('heard hello\nover\n');
  });
});

describe('port-forward through kubelet', () => {
  const get = 'GET / HTTP/1.0\r\n\r\n';

  it('reaches a port of the pod, several times at once', async () => {
    const ports = await Promise.all([1, 2, 3].map(() => ForwardedPort.open(node, 'main', 80)));
    for (const port of ports) await port.send(get);
    for (const port of ports) {
      const { data, error } = await port.received();
      expect(data.toString()).toContain('Welcome to nginx!');
      expect(error).toBe('');
    }
  });

  it('says so when nobody listens there', async () => {
    const port = await ForwardedPort.open(node, 'main', 81);
    expect(await port.received()).toEqual({
      data: Buffer.alloc(0),
      error: expect.stringContaining('81'),
    });
  });
});
