import { join } from 'node:path';
import { ImageServiceDefinition, RuntimeServiceDefinition } from '../generated/cri/v1/api';
import { buildParts, type Parts } from './app-parts';
import { Backoff, sleep } from './base/backoff';
import { errorMessage } from './base/errors';
import type { Logger } from './base/logger';
import type { ServiceManager } from './base/service-manager';
import type { Config } from './config/schema';
import { toStatus } from './cri/errors';
import { imageService } from './cri/image-service';
import { runtimeService } from './cri/runtime-service';
import { lockFile } from './host/lock-file';
import { containerOfKept } from './io/remote/held-fifos';
import { readExecs } from './lifecycle/adopt-execs';
import { requireUsableDaemon, UnusableDaemon } from './lifecycle/usable-daemon';
import { askDaemon, recover } from './monitor/recover';
import { Code } from './rpc/code';
import { RpcError } from './rpc/rpc-error';
import { RpcServer } from './rpc/server';

/** What calls under way get before they are cut off. */
const STOP_GRACE_MS = 10_000;
/** What kubelet and crictl ask before anything else: answered also while the rest must wait. */
const ALWAYS_SERVED: ReadonlySet<string> = new Set(['Version', 'Status', 'RuntimeConfig']);

export interface AppOptions {
  readonly log: Logger;
  readonly version: string;
  /** The program that has the stdio of containers, a bundle of its own. */
  readonly stdioProgram: string;
  /** Who started us, and the names of what it has kept for us. */
  readonly manager: ServiceManager;
  readonly kept: readonly string[];
}

export interface App {
  /** Resolves when a daemon that came back must not be used: this server must end. */
  readonly unusable: Promise<UnusableDaemon>;
  /** Stops serving; containers go on running. */
  stop(): Promise<void>;
}

/**
 * Builds every part, finds the pods that are there and serves; while containerd is away it serves too, with everything
 * but Version and Status UNAVAILABLE. Throws when this server must not run: the reason is for the operator.
 */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { log } = options;
  const lock = await lockFile(join(config.state, 'lock'));
  const parts = await buildParts(config, options);
  const { deps } = parts;
  const { readiness } = deps;
  const server = new RpcServer({
    log,
    metrics: deps.metrics,
    toStatus,
    gate: (method) => {
      if (readiness.problem === '' || ALWAYS_SERVED.has(method)) return;
      throw new RpcError(Code.UNAVAILABLE, readiness.problem);
    },
  });
  server.addService(RuntimeServiceDefinition, runtimeService(deps));
  server.addService(ImageServiceDefinition, imageService(deps));
  const stopping = new AbortController();
  let waiting = Promise.resolve();
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('stopping'));
    options.manager.stopping();
    await parts.streaming.stop();
    await server.stop({ graceMs: STOP_GRACE_MS });
    await waiting;
    await putDown(parts);
    await lock.release();
  };
  try {
    // First of all: a second server must not get as far as touching anything.
    await server.listen(config.listen);
    await parts.streaming.listen();
    if (!(await connected(parts, config, options))) waiting = connectLater(parts, config, options, stopping.signal);
  } catch (error) {
    await stop();
    throw error;
  }
  // Since the process began: V8's and Node's own start and loading the program are in it.
  const startMs = Math.round(performance.now());
  log.info('serving', { listen: config.listen, containerd: config.containerd.address, startMs });
  return { unusable: parts.unusable, stop };
}

/** False when the daemon cannot be reached yet; throws an UnusableDaemon when waiting does not help. */
async function connected(parts: Parts, config: Config, options: AppOptions): Promise<boolean> {
  const { log, readiness } = parts.deps;
  try {
    await connect(parts, config);
    serves(parts, options);
    return true;
  } catch (error) {
    if (error instanceof UnusableDaemon) throw error;
    readiness.problem = `containerd cannot be reached: ${errorMessage(error)}`;
    log.warn('containerd cannot be reached yet', { error: errorMessage(error) });
    options.manager.waiting(readiness.problem);
    return false;
  }
}

/** From now on every call is served. What the service manager holds for containers that are gone, it need not. */
function serves({ deps }: Parts, { manager, kept }: AppOptions): void {
  deps.readiness.problem = '';
  for (const name of kept) {
    const id = containerOfKept(name);
    if (id === undefined || deps.containers.get(id) === undefined) manager.drop(name);
  }
  manager.ready();
}

/** Looks at the daemon, recovers what it runs and starts what goes on in the background. */
async function connect(parts: Parts, config: Config): Promise<void> {
  const { deps } = parts;
  await requireUsableDaemon(deps.containerd, config.containerd);
  parts.stdio.start(); // not before: beside containerd's own CRI it must not read a byte
  using _execs = await readExecs(deps);
  const [asked] = await Promise.all([
    askDaemon(deps),
    deps.containerd.namespaces.ensure(config.containerd.namespace),
    parts.refreshDaemon(),
    deps.images.resync(),
  ]);
  await recover(deps, asked);
  parts.eventMonitor.start();
  deps.stats.start();
  parts.sweep.start();
  deps.networksOf(deps.handlers.default);
}

async function connectLater(parts: Parts, config: Config, options: AppOptions, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff({ firstMs: 200, maxMs: 2000 });
  while (!signal.aborted) {
    try {
      await connect(parts, config);
      serves(parts, options);
      options.log.info('containerd is there');
      return;
    } catch (error) {
      parts.deps.readiness.problem = errorMessage(error);
    }
    await sleep(backoff.next(), signal).catch(() => undefined);
  }
}

/** In the reverse order. Containers go on running; their stdio waits in its pipes for whoever comes next. */
async function putDown(parts: Parts): Promise<void> {
  const { deps } = parts;
  parts.sweep.stop();
  deps.stats.stop();
  await parts.eventMonitor.stop();
  deps.retries.stop();
  deps.monitor.stop();
  await deps.stdio.leave();
  parts.networks.stop();
  deps.containerd.close();
}
