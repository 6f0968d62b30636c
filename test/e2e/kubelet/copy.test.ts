import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';

import { until } from '../../support/daemon/process';
import { Command, runCommand } from '../../support/kubelet/command';
import { type KubeletNode, putPod, ready, startKubeletNode } from '../../support/kubelet/kubelet-node';
import { podManifest, shell, web } from '../../support/kubelet/manifest';
import { ForwardedPort } from '../../support/kubelet/port-forward';
import { describeTree, makeTree } from '../../support/kubelet/tree';

const SECOND = 1000;
const MEBIBYTE = 1 << 20;
const BULK = 64;

let node: KubeletNode;

beforeAll(async () => {
  node = await startKubeletNode();
  const mounted = (mountPath: string) => ({ volumeMounts: [{ name: 'bulk', mountPath }] });
  const spec = {
    volumes: [{ name: 'bulk', emptyDir: {} }],
    initContainers: [shell('init', `dd if=/dev/urandom of=/bulk/file bs=1M count=${BULK}`, mounted('/bulk'))],
  };
  const containers = [
    shell('main', "trap 'exit 0' TERM; while true; do sleep 0.1; done", mounted('/bulk')),
    web('web', mounted('/usr/share/nginx/html')),
  ];
  putPod(node, podManifest('main', containers, spec));
  await ready(node, 'main');
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

const inMain = (...command: string[]) => ({ pod: 'main', container: 'main', command });

/** Prints how fast something was: a number to compare between changes, on this machine. */
async function timed(what: string, act: () => Promise<void>): Promise<void> {
  const before = performance.now();
  await act();
  const seconds = (performance.now() - before) / 1000;
  process.stderr.write(`  ${what}: ${BULK} MiB in ${seconds.toFixed(2)} s, ${(BULK / seconds).toFixed(0)} MiB/s\n`);
}

/** A place where bytes go that are only counted. */
function counter(): Writable & { bytes: number } {
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      counting.bytes += chunk.length;
      done();
    },
  });
  const counting = Object.assign(sink, { bytes: 0 });
  return counting;
}

describe('a tree that is copied with tar, as kubectl cp does', () => {
  it('is the same in the container and back again', async () => {
    const [source, back] = ['source', 'back'].map((name) => join(node.dir, name));
    if (!source || !back) throw new Error('no folders');
    mkdirSync(back);
    makeTree(source);
    const packing = spawn('tar', ['-C', source, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const command = ['sh', '-c', 'mkdir /copy && exec tar -C /copy -xf -'];
    const upload = await Command.start(node, inMain(...command), { stdin: true });
    await upload.writeAll(packing.stdout);
    expect(await upload.outcome()).toMatchObject({ status: 'Success', stderr: '' });

    const unpacking = spawn('tar', ['-C', back, '-xf', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
    const exit = once(unpacking, 'exit');
    const options = { stdout: unpacking.stdin };
    const download = await Command.start(node, inMain('tar', '-C', '/copy', '-cf', '-', '.'), options);
    expect(await download.outcome()).toMatchObject({ status: 'Success', stderr: '' });
    unpacking.stdin.end();
    expect(await exit).toEqual([0, null]);
    expect(describeTree(back)).toEqual(describeTree(source));
  });
});

describe('a lot of data', () => {
  it('comes out of exec whole', async () => {
    const sum = (await runCommand(node, inMain('sha256sum', '/bulk/file'))).stdout.slice(0, 64);
    for (const protocol of ['v4.channel.k8s.io', 'v5.channel.k8s.io'] as const) {
      await timed(`exec, from the container, ${protocol}`, async () => {
        const stdout = counter();
        await runCommand(node, inMain('cat', '/bulk/file'), { protocol, stdout });
        expect(stdout.bytes).toBe(BULK * MEBIBYTE);
      });
    }
    const again = spawn('sha256sum', { stdio: ['pipe', 'pipe', 'inherit'] });
    const printed = once(again.stdout, 'data');
    await runCommand(node, inMain('cat', '/bulk/file'), { stdout: again.stdin });
    again.stdin.end();
    expect(String(await printed).slice(0, 64)).toBe(sum);
  });

  it('goes into exec whole', async () => {
    await timed('exec, to the container, v5.channel.k8s.io', async () => {
      const command = await Command.start(node, inMain('wc', '-c'), { stdin: true });
      const chunk = Buffer.alloc(64 << 10);
      await command.writeAll(Readable.from(Array.from({ length: BULK * 16 }, () => chunk)));
      expect((await command.outcome()).stdout).toBe(`${BULK * MEBIBYTE}\n`);
    });
  });

  it('comes through port-forward whole', async () => {
    const { stdout } = await runCommand(node, inMain('sha256sum', '/bulk/file'));
    const port = await ForwardedPort.open(node, 'main', 80);
    await timed('port-forward, from the pod', async () => {
      await port.send('GET /file HTTP/1.0\r\n\r\n');
      await until('all has come', 60 * SECOND, async () => port.bytes > BULK * MEBIBYTE);
    });
    const got = (await port.received()).data;
    const body = got.subarray(got.indexOf('\r\n\r\n') + 4);
    expect(body.length).toBe(BULK * MEBIBYTE);
    expect(createHash('sha256').update(body).digest('hex')).toBe(stdout.slice(0, 64));
  });
});
