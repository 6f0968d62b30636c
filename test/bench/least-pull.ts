import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { Registry } from '../support/daemon/registry';
import { createScratch, removeScratch } from '../support/daemon/scratch';

interface Manifest {
  readonly layers: readonly { readonly digest: string }[];
}

/**
 * Processor milliseconds of a Node program that does no more than to carry the layers of an image from the registry into
 * a socket: no puller on Node that hands them to another process takes less.
 */
export async function leastOfNode({ url }: Registry, repository: string, tag: string): Promise<number> {
  const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' };
  const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, { headers });
  const { layers } = (await answer.json()) as Manifest;
  const dir = createScratch();
  const socket = join(dir, 'sink');
  const sink = createServer((connection) => connection.resume());
  try {
    sink.listen(socket);
    await once(sink, 'listening');
    const urls = layers.map(({ digest }) => `${url}/v2/${repository}/blobs/${digest}`);
    const argv = ['test/support/run-typescript.mjs', 'test/bench/byte-carrier.ts', socket, ...urls];
    const carrier = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const micros = Number(await text(carrier.stdout));
    if (!(micros > 0)) throw new Error('the bytes could not be carried');
    return micros / 1000;
  } finally {
    sink.close();
    removeScratch(dir);
  }
}
