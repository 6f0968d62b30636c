import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

import { ExecRequest } from '../../../generated/cri/v1/api';
import { until } from '../../support/daemon/process';
import { type Crictl, describeWithCrictl, type Running, TRANSPORTS, useCrictl } from '../../support/node/crictl';
import type { TestNode } from '../../support/node/node';
import { type Pod, runContainer, runPod, shell } from '../../support/node/pods';
import { TestWebSocket } from '../../support/streaming/web-socket';

const MINUTE = 60_000;

let node: TestNode;
let crictl: Crictl;
let pod: Pod;
let id: string;

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describeWithCrictl('crictl exec', () => {
  useCrictl(async (started) => {
    ({ node, crictl } = started);
    pod = await runPod(node);
    id = await runContainer(node, pod, shell('main', 'sleep 1000'));
  });

  describe.each(TRANSPORTS)('over %s', (transport) => {
    const exec = (...args: string[]): string[] => ['exec', '--transport', transport, ...args];

    it('answers output, errors and exit code, each by its own way', async () => {
      const script = 'echo out; echo err >&2; exit 42';
      const { code, stdout, stderr } = await crictl.run(exec(id, 'sh', '-c', script));
      expect([String(stdout), stderr.split('\n')[0]]).toEqual(['out\n', 'err']);
      expect(stderr).toContain('command terminated with exit code 42');
      expect(code).toBe(1); // crictl's own: it says the command's in its message
    });

    it.each([0, 1, 137])('tells of exit code %d', async (wanted) => {
      const { code, stderr } = await crictl.run(exec(id, 'sh', '-c', `exit ${wanted}`));
      expect(code).toBe(wanted === 0 ? 0 : 1);
      if (wanted > 0) expect(stderr).toContain(`command terminated with exit code ${wanted}`);
    });

    it('tells of a command that a signal ended as a shell would', async () => {
      const { stderr } = await crictl.run(exec(id, 'sh', '-c', 'kill -9 $$'));
      expect(stderr).toContain('command terminated with exit code 137');
    });

    it('tells that there is no such command', async () => {
      const { code, stderr } = await crictl.run(exec(id, '/no/such/command'));
      expect(code).toBe(1);
      expect(stderr).toMatch(/no such file or directory/);
    });

    it('carries megabytes in and out unchanged, and the end of stdin', async () => {
      const sent = randomBytes(8 << 20);
      const echoed = await crictl.run(exec('-i', id, 'cat'), sent);
      expect([echoed.code, echoed.stdout.length, sha256(echoed.stdout)]).toEqual([0, sent.length, sha256(sent)]);
      const summed = await crictl.run(exec('-i', id, 'sha256sum'), sent);
      expect(String(summed.stdout)).toBe(`${sha256(sent)}  -\n`);
    });

    it('lets a command run that does not want its stdin', async () => {
      const { code, stdout } = await crictl.run(exec('-i', id, 'echo', 'no, thank you'), randomBytes(1 << 20));
      expect([code, String(stdout)]).toEqual([0, 'no, thank you\n']);
    });

    it('gives a terminal, its size, and its sizes to come', async () => {
      const client = startInTerminal(exec('-it', id, 'sh'), { rows: 33, columns: 77 });
      client.child.stdin.write('tty\n');
      // The size comes in a stream of its own: the shell may run a command before it.
      await until('the size', MINUTE, async () => {
        client.child.stdin.write('stty size\n');
        return /\n33 77\r?\n/.test(String(client.stdout()));
      });
      expect(String(client.stdout())).toMatch(/\/dev\/pts\/\d+/);
      resizeTerminal(client, { rows: 50, columns: 120 });
      await until('the next size', MINUTE, async () => {
        client.child.stdin.write('stty size\n');
        return /50 120/.test(String(client.stdout()));
      });
      client.child.stdin.write('echo $TERM; exit 3\n');
      const { stdout } = await client.ended;
      expect(String(stdout)).toMatch(/xterm/);
      expect(String(stdout)).toContain('exit code 3');
    });

    it('passes an interrupt on through the terminal', async () => {
      const client = startInTerminal(
        exec('-it', id, 'sh', '-c', 'trap "echo caught; exit 4" INT; echo ready; sleep 1000'),
        {
          rows: 24,
          columns: 80,
        },
      );
      await until('it runs', MINUTE, async () => String(client.stdout()).includes('ready'));
      client.child.stdin.write('\x03');
      expect(String((await client.ended).stdout)).toMatch(/caught/);
    });
  });

  it('shows what a v5 client of its own sees: both outputs, the end of stdin, the exit code', async () => {
    const cmd = ['sh', '-c', 'wc -c; echo err >&2; exit 3'];
    const sent = randomBytes(1 << 20);
    const request = ExecRequest.fromPartial({ containerId: id, cmd, stdin: true, stdout: true, stderr: true });
    const direct = await TestWebSocket.connect((await node.cri.runtime.exec(request)).url, 'v5.channel.k8s.io');
    for (let at = 0; at < sent.length; at += 32_768) direct.send(0, sent.subarray(at, at + 32_768));
    direct.send(255, Buffer.from([0]));
    expect(await direct.end()).toBe(1000);
    const { stdout, stderr } = await crictl.run(['exec', '--transport', 'websocket', '-i', id, ...cmd], sent);
    expect([direct.text(1), direct.text(2)]).toEqual([String(stdout), stderr.split(/(?<=\n)/)[0]]);
    expect(direct.text(1)).toBe(`${1 << 20}\n`);
    expect(JSON.parse(direct.text(3))).toMatchObject({ details: { causes: [{ reason: 'ExitCode', message: '3' }] } });
    expect(stderr).toContain('command terminated with exit code 3');
  });

  it('of a container that is stopped meanwhile ends with it, and leaves nothing', async () => {
    const other = await runContainer(node, pod, shell('stopped', 'sleep 1000'));
    const clients = TRANSPORTS.map((transport) => {
      return crictl.start('exec', '--transport', transport, '-i', other, 'sh', '-c', 'echo ready; sleep 1000');
    });
    for (const client of clients) await until('it runs', MINUTE, async () => String(client.stdout()) === 'ready\n');
    await node.cri.runtime.stopContainer({ containerId: other, timeout: 0n });
    for (const client of clients) expect((await client.ended).stderr).toContain('exit code 137');
    const io = join(node.containerd.state, 'io.containerd.grpc.v1.cri/containers', other, 'io');
    await until('its FIFOs are gone', MINUTE, async () => readdirSync(io).every((name) => name.startsWith(other)));
  });

  it('in a container that is paused is refused, and does not hang', async () => {
    const other = await runContainer(node, pod, shell('paused', 'sleep 1000'));
    node.containerd.ctr('tasks', 'pause', other);
    const { code, stderr } = await crictl.run(['exec', other, 'true']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('paused')]);
    node.containerd.ctr('tasks', 'resume', other);
    expect((await crictl.run(['exec', other, 'true'])).code).toBe(0);
  });

  /** Runs crictl in a terminal of its own, as a person would; what it shows is the program's output. */
  function startInTerminal(args: string[], { rows, columns }: { rows: number; columns: number }): Running {
    const command = crictl.argv(...args).map((arg) => `'${arg.replaceAll("'", "'\\''")}'`);
    const line = `stty rows ${rows} cols ${columns}; exec ${command.join(' ')}`;
    return crictl.startProgram(['script', '--quiet', '--return', '--command', line, '/dev/null']);
  }

  /** Changes the size of the terminal in which a program runs; its kernel tells the program. */
  function resizeTerminal({ child }: Running, size: { rows: number; columns: number }): void {
    const terminal = readlinkSync(`/proc/${childOf(child.pid ?? 0)}/fd/0`);
    execFileSync('stty', ['-F', terminal, 'rows', String(size.rows), 'cols', String(size.columns)]);
  }
});

/** The process that a program has started. */
function childOf(pid: number): number {
  return Number(
    execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)[0],
  );
}
