import { Worker } from 'node:worker_threads';
import { workedMs } from '../least-ms';

/** Connects, sends the head of its request, and from the answer on the same bytes for ever. */
const FLOOD = `
const { connect } = require('node:net');
const { parentPort, workerData: { port, heads, bytes } } = require('node:worker_threads');
const payload = Buffer.from(bytes);
let ready = 0;
for (const head of heads) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.write(head);
  const fill = () => { while (!socket.destroyed && socket.write(payload)); };
  socket.once('data', () => {
    socket.on('drain', fill);
    socket.on('data', () => undefined);
    if (++ready === heads.length) parentPort.postMessage('ready');
    fill();
  });
}
`;

/** Clients on a thread of their own, each of which sends one head and then `payload` as fast as it is read. */
export async function flood(port: number, heads: readonly string[], payload: Buffer): Promise<Worker> {
  const worker = new Worker(FLOOD, { eval: true, workerData: { port, heads, bytes: Uint8Array.from(payload) } });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return worker;
}

/** How long this thread works in each turn of the event loop until `enough` of them are over, in milliseconds. */
export async function turnsOf(enough: number): Promise<number[]> {
  const turns: number[] = [];
  for (let since = workedMs(); turns.length < enough; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = workedMs();
    turns.push(now - since);
    since = now;
  }
  return turns;
}
