import { get } from 'node:http';
import { createConnection } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** How many layers are read at once, as crisp does. */
const AT_ONCE = 3;

/**
 * The least that a puller on Node does: `byte-carrier.ts SOCKET URL...` reads every URL and writes its bytes into a
 * connection of the socket. Prints what that took of the processor, in microseconds, without Node's own start.
 */
export async function main([socket = '', ...urls]: readonly string[]): Promise<void> {
  const waiting = [...urls];
  const work = async (): Promise<void> => {
    for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) await carry(url, socket);
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${user + system}\n`);
}

function carry(url: string, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      if (response.statusCode === 200) pipeline(response, createConnection(socket)).then(resolve, reject);
      else reject(new Error(`${url} answers ${response.statusCode}`));
    }).once('error', reject);
  });
}
