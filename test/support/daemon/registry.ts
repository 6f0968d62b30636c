import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { testImages } from './images/catalog';
import { buildImage, type ImageDefinition, LayerCache, pushImage } from './images/push';
import { answers, type Daemon, startDaemon } from './process';

/** Names under which the fixtures' images are pulled; hosts.toml sends each of them to the loopback registry. */
const PUBLIC_HOSTS = ['registry.k8s.io', 'docker.io', 'gcr.io', 'k8s.gcr.io', 'quay.io', 'ghcr.io'];

export interface Registry {
  readonly url: string;
  /** A hosts.toml tree (`registry.config_path`) that points public registries here. */
  readonly certsDir: string;
  readonly daemon: Daemon;
  /** Afterwards the registry answers the images' names; answers the digest of each name. */
  push(images: readonly ImageDefinition[]): Promise<Map<string, string>>;
  stop(): Promise<void>;
}

/** Starts Debian's docker-registry on a free loopback port with its data below `dir`. */
export async function startRegistry(dir: string): Promise<Registry> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const home = join(dir, 'registry');
  mkdirSync(home, { recursive: true });
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(home, 'data') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(join(home, 'config.yml'), JSON.stringify(config)); // JSON is YAML
  const daemon = await startDaemon({
    name: 'registry',
    argv: ['docker-registry', 'serve', join(home, 'config.yml')],
    dir,
    ready: () => answers(port),
  });
  const certsDir = join(dir, 'certs.d');
  for (const host of PUBLIC_HOSTS) {
    mkdirSync(join(certsDir, host), { recursive: true });
    const hosts = `server = "${url}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`;
    writeFileSync(join(certsDir, host, 'hosts.toml'), hosts);
  }
  return { url, certsDir, daemon, push: (images) => pushAll(url, images), stop: () => daemon.stop() };
}

/** A registry that has every image of critest. */
export async function startTestRegistry(dir: string): Promise<Registry> {
  const registry = await startRegistry(dir);
  try {
    await registry.push(testImages());
    return registry;
  } catch (error) {
    await registry.stop();
    throw error;
  }
}

async function pushAll(url: string, images: readonly ImageDefinition[]): Promise<Map<string, string>> {
  const layers = new LayerCache();
  const digests = new Map<string, string>();
  for (const definition of images) {
    const image = buildImage(definition, layers);
    await pushImage(url, image);
    for (const name of image.names) digests.set(name, image.digest);
  }
  return digests;
}

/** A port of 127.0.0.1 that nobody listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
