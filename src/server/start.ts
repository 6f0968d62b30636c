import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../generated/cri/v1/api';
import { LoopWatch } from '../base/loop-watch';
import { Backoff, sleep } from '../base/wait/backoff';
import type { Config } from '../config/schema';
import { isUnavailable } from '../containerd/errors';
import type { CriDeps } from '../cri/deps';
import { toStatus } from '../cri/errors';
import { guarded } from '../cri/guarded-service';
import { imageService } from '../cri/image-service';
import { runtimeService } from '../cri/runtime-service';
import { openFilesLimit } from '../host/process/open-files';
import { hostMeans } from '../host/syscall/syscalls';
import { readExecs } from '../recovery/adopt-execs';
import { askDaemon, recover } from '../recovery/recover';
import { Code } from '../rpc/code';
import { RpcError } from '../rpc/rpc-error';
import { RpcServer } from '../rpc/server/server';
import { containerOfKept } from '../stdio/held-fifos';
import type { AppOptions, ServingOptions } from './options';
import { requireUsableDaemon, UnusableDaemon } from './usable-containerd';
import { WaitReport } from './wait-report';
import { buildParts, type Parts } from './wiring';

/** What calls under way get before they are cut off. */
const STOP_GRACE_MS = 10_000;
/** What kubelet and crictl ask before anything else: answered also while the rest must wait. */
const ALWAYS_SERVED: ReadonlySet<string> = new Set(['Version', 'Status', 'RuntimeConfig']);

/** Pauses between one try to use containerd and the next. */
const CONNECT_PAUSES = { firstMs: 200, maxMs: 5000 };

export interface App {
  /**
   * Resolves when a containerd that came back must not be used. Everything in the background has stopped then; the caller
   * stops the app and starts another, which waits until containerd can be used.
   */
  readonly unusable: Promise<Error>;
  /** Stops serving; containers go on running. */
  stop(): Promise<void>;
}

/**
 * Builds every part, finds the pods that are there and serves. While containerd is away, or must not be used as it is, it
 * serves too, with everything but Version, Status and RuntimeConfig UNAVAILABLE, and goes on trying. Throws when another
 * server has the socket, or when the parts cannot be built.
 */
export async function startApp(config: Config, options: ServingOptions): Promise<App> {
  const { log, lock } = options;
  const parts = await buildParts(config, options);
  const { deps } = parts;
  const { readiness } = deps;
  const server = new RpcServer({
    log,
    metrics: deps.metrics,
    toStatus,
    accept: hostMeans().syscalls?.accept,
    openFiles: await openFilesLimit(),
    gate: (method) => {
      if (readiness.problem === '' || ALWAYS_SERVED.has(method)) return;
      throw new RpcError(Code.UNAVAILABLE, readiness.problem);
    },
  });
  const watch = new LoopWatch({ log });
  const runtime = guarded(RuntimeServiceDefinition, runtimeService(deps), watch);
  const image = guarded(ImageServiceDefinition, imageService(deps), watch);
  server.addService(runtime.definition, runtime.impl);
  server.addService(image.definition, image.impl);
  const stopping = new AbortController();
  let waiting = Promise.resolve();
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('stopping'));
    watch.stop();
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
    watch.start();
    const waits = new WaitReport({ log, readiness, manager: options.manager });
    const first = await tryToConnect(parts, config, options);
    if (first) waiting = connectLater(parts, { config, options, waits, signal: stopping.signal }, first);
  } catch (error) {
    await stop();
    throw error;
  }
  // Since the process began: V8's and Node's own start and loading the program are in it.
  const startMs = Math.round(performance.now());
  log.info('serving', { listen: config.listen, containerd: config.containerd.address, startMs });
  return { unusable: parts.unusable, stop };
}

/** Undefined when everything is served now, else the reason why not. */
async function tryToConnect(parts: Parts, config: Config, options: AppOptions): Promise<NotYet | undefined> {
  try {
    await connect(parts, config);
    serves(parts, options);
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** Why crisp does not serve yet. */
interface NotYet {
  readonly error: unknown;
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

/** Looks at containerd, recovers what it runs and starts what goes on in the background. Throws when that cannot be yet. */
async function connect(parts: Parts, config: Config): Promise<void> {
  const { deps } = parts;
  await lookAt(deps, config);
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
  startDefaultNetworks(deps);
}

/** Throws when containerd must not be used, or does not say whether it may. */
async function lookAt(deps: CriDeps, config: Config): Promise<void> {
  try {
    await requireUsableDaemon(deps.containerd, config.containerd);
  } catch (error) {
    if (isUnavailable(error)) throw new Error('containerd cannot be reached', { cause: error });
    throw error;
  }
}

/** Status tells kubelet whether the network is ready: its configuration is read before anything asks for it. */
function startDefaultNetworks({ networksOf, handlers }: CriDeps): void {
  networksOf(handlers.default);
}

interface Later {
  readonly config: Config;
  readonly options: AppOptions;
  readonly waits: WaitReport;
  readonly signal: AbortSignal;
}

/** Tries with growing pauses until everything is served; each reason why it is not is reported. Never rejects. */
async function connectLater(parts: Parts, later: Later, first: NotYet): Promise<void> {
  const { config, options, waits, signal } = later;
  const backoff = new Backoff(CONNECT_PAUSES);
  for (let notYet: NotYet | undefined = first; notYet; notYet = await tryToConnect(parts, config, options)) {
    const { error } = notYet;
    waits.report(error);
    // Pods were looked at already, so that their output may be read: all of that is let go of.
    if (error instanceof UnusableDaemon && parts.stdio.started) return parts.giveUp(error);
    await sleep(backoff.next(), signal).catch(() => undefined);
    if (signal.aborted) return;
  }
  options.log.info('containerd can be used now');
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
