import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { until } from '../../support/daemon/process';
import { Crictl, crictlPath, TRANSPORTS, type Transport } from '../../support/node/crictl';
import type { BenchPod, Kubelet } from '../kubelet';
import { turns } from '../statistics';
import type { Bench } from './part';

const MIB = 1 << 20;
const PORT = 8080;
/** containerd's own CRI answers crictl's WebSocket with 403. */
const PLUGIN_TRANSPORTS: readonly Transport[] = ['spdy'];
/** Serves /data, and waits to be ended. */
const SERVER = `httpd -p ${PORT} -h /data; trap "exit 0" TERM; sleep 1000000 & wait`;

/** A big file through `crictl exec cat` and through `crictl port-forward`, with the protocols that the server speaks. */
export async function streams(bench: Bench): Promise<void> {
  const { kubelets, options } = bench;
  const pods = new Map<Kubelet, BenchPod>();
  for (const kubelet of kubelets) {
    const data = join(kubelet.server.dir, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'big'), '');
    truncateSync(join(data, 'big'), options.streamMib * MIB);
    pods.set(kubelet, await kubelet.startPod('other', { command: ['sh', '-c', SERVER], data }));
  }
  for (let round = 0; round < options.rounds; round++)
    for (const [kubelet, pod] of turns([...pods], round)) await oneTurn(bench, kubelet, pod);
  for (const [kubelet, pod] of pods) {
    await kubelet.stopPod('other', pod);
    await kubelet.removePod('other', pod);
    rmSync(join(kubelet.server.dir, 'data'), { recursive: true });
  }
}

async function oneTurn({ samples, options, say }: Bench, { server }: Kubelet, pod: BenchPod): Promise<void> {
  const bytes = options.streamMib * MIB;
  const crictl = new Crictl(crictlPath(), server.socket);
  const measure = async (metric: string, copy: () => Promise<{ received: number; seconds: number }>): Promise<void> => {
    const { received, seconds } = await copy();
    if (received < bytes) throw new Error(`${server.name}: only ${received} bytes arrived (${metric})`);
    samples.add(metric, server.name, bytes / 1e6 / seconds);
    say(`${server.name}: ${metric} ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`);
  };
  try {
    for (const transport of server.crisp ? TRANSPORTS : PLUGIN_TRANSPORTS) {
      await measure(`streams.exec.${transport}`, () => execCat(crictl, transport, pod));
      await measure(`streams.portForward.${transport}`, () => download(crictl, transport, pod));
    }
  } finally {
    await crictl.killAll();
  }
}

/** What crictl prints is counted by a program: here it would take processor time that the servers need. */
async function execCat(crictl: Crictl, transport: Transport, pod: BenchPod) {
  const argv = crictl.argv('exec', '--transport', transport, pod.containerId, 'cat', '/data/big');
  const started = performance.now();
  const child = spawn('sh', ['-c', '"$@" | wc -c', 'sh', ...argv], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return { received: Number(text), seconds: (performance.now() - started) / 1000 };
}

async function download(crictl: Crictl, transport: Transport, pod: BenchPod) {
  const forward = crictl.start('port-forward', '--transport', transport, pod.id, `0:${PORT}`);
  const port = () => /Forwarding from 127\.0\.0\.1:(\d+)/.exec(String(forward.stdout()))?.[1];
  await until(`crictl forwards: ${forward.stderr()}`, 30_000, async () => port() !== undefined, 10);
  const started = performance.now();
  const received = await requestBytes(Number(port()));
  const seconds = (performance.now() - started) / 1000;
  await crictl.killAll();
  return { received, seconds };
}

/** Asks for the file and answers how many bytes came, the head of the answer among them. */
function requestBytes(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = 0;
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /big HTTP/1.0\r\n\r\n'));
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.once('close', () => resolve(received));
    socket.once('error', reject);
  });
}
