import { setTimeout as pause } from 'node:timers/promises';
import { ListContainersResponse, ListPodSandboxResponse, NamespaceMode } from '../../../generated/cri/v1/api';
import { silentLogger } from '../../../src/base/logger';
import { Retries } from '../../../src/base/work/retry-queue';
import { containerStatus } from '../../../src/cri/container/container-status';
import { listContainers } from '../../../src/cri/container/list-containers';
import type { CriDeps } from '../../../src/cri/deps';
import { listPodSandbox } from '../../../src/cri/sandbox/list-pod-sandbox';
import { podSandboxStatus } from '../../../src/cri/sandbox/pod-sandbox-status';
import { askDaemon, recover } from '../../../src/recovery/recover';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import type { EncodedMessage } from '../../../src/rpc/service';
import { callsOf, type OutwardCall } from '../../support/each-call';
import type { Failure } from '../../support/fake/failpoints';
import { AUTO, runContainer, runPod } from '../../support/story-pods';
import { type RigOptions, StoryRig } from '../../support/story-rig';
import { ended, removeAll } from '../../support/use-rig';

const { CONTAINER, NODE, POD } = NamespaceMode;
const QUICK = { firstMs: 20, maxMs: 50 };
/** A fault lasts so long after it was first met, unless it is of one call. */
const LASTS_MS = 60;
const HEALS_MS = 20_000;
const TABLE_MS = 600_000;

/** A call that is held goes on when this is let go. */
interface Held {
  readonly until: Promise<void>;
  letGo(): void;
}

const KINDS: readonly [string, (held: Held) => Failure][] = [
  ...(['UNAVAILABLE', 'NOT_FOUND', 'UNKNOWN', 'UNIMPLEMENTED'] as const).map((name): [string, () => Failure] => [
    `is refused with ${name}`,
    () => ({ code: Code[name] }),
  ]),
  ['takes effect and its answer is lost', () => ({ afterEffect: true })],
  ['answers late', () => ({ until: pause(40) })],
  ['never answers', ({ until }) => ({ until })],
  ['answers with nothing', () => ({ empty: true })],
];

describe.each<[string, RigOptions, NamespaceMode]>([
  ['with pause tasks', {}, POD],
  ['with pause tasks and a sandbox store', { sandboxStore: true }, POD],
  ['without pause tasks', { config: AUTO }, CONTAINER],
  ['without pause tasks, with a sandbox store', { sandboxStore: true, config: AUTO }, CONTAINER],
])('When a call of a start over pods %s', (_kind, options, pid) => {
  let rig: StoryRig;
  let pods: string[] = [];
  let containers: string[] = [];
  let calls: OutwardCall[] = [];
  let truth: unknown;
  let told: string;

  beforeEach(async () => {
    rig = await StoryRig.start(options);
    pods = [];
    containers = [];
    for (const [name, network] of [
      ['bridge', POD],
      ['node', NODE],
    ] as const) {
      const linux = { securityContext: { namespaceOptions: { network, pid } } };
      const pod = await runPod(rig, { metadata: { name, namespace: 'default', uid: name, attempt: 0 }, linux });
      const runs = await runContainer(rig, pod, { linux });
      const stops = await runContainer(rig, pod, { linux, metadata: { name: 'ended', attempt: 0 } });
      rig.fake.process(stops.metadata.id).exit(7);
      await ended(rig, stops.metadata.id);
      pods.push(pod);
      containers.push(runs.metadata.id, stops.metadata.id);
    }
    await anotherStart().untilRight();
    const start = anotherStart();
    calls = await callsOf(rig, () => start.untilRight());
    truth = await whatThereIs();
    told = await start.tell();
  });

  afterEach(async () => {
    rig.heal();
    await removeAll(rig);
    expect(await rig.leftovers()).toEqual({});
    await rig.close();
  });

  /** A server that was killed and started again, as far as finding its pods goes. */
  function anotherStart() {
    rig.deps.retries.stop();
    rig = rig.restarted(options);
    const deps: CriDeps = { ...rig.deps, retries: new Retries(silentLogger, QUICK) };
    const over = new AbortController();
    let serves = false;
    const serve = async (): Promise<void> => {
      while (!serves && !over.signal.aborted) {
        try {
          const [asked] = await Promise.all([askDaemon(deps), deps.images.resync()]);
          await recover(deps, asked);
          serves = true;
        } catch {
          await pause(10); // containerd cannot be relied on yet: nothing is served
        }
      }
    };
    const serving = serve();
    const tell = async (): Promise<string> => (serves ? await answersOf(deps) : '');
    return {
      deps,
      tell,
      /** Resolves when all is told and nothing is left to be tried again. */
      async untilRight(): Promise<void> {
        await serving;
        while (deps.retries.pending.length > 0) await pause(5);
      },
      stop: () => {
        over.abort();
        deps.retries.stop();
      },
    };
  }

  /** What kubelet is told, by everything that it asks. */
  async function answersOf(deps: CriDeps): Promise<string> {
    const call = { method: 'Test', signal: new AbortController().signal, log: silentLogger };
    // In any order: it is that in which their questions were answered.
    const { items } = ListPodSandboxResponse.decode(bytesOf(await listPodSandbox(deps, { filter: undefined })));
    const listed = ListContainersResponse.decode(bytesOf(await listContainers(deps, { filter: undefined }))).containers;
    const lists = [...items, ...listed].sort((a, b) => (a.id < b.id ? -1 : 1));
    const statuses = await Promise.all([
      ...pods.map(
        async (podSandboxId) => (await podSandboxStatus(deps, { podSandboxId, verbose: false }, call)).status,
      ),
      ...containers.map(
        async (containerId) => (await containerStatus(deps, { containerId, verbose: false }, call)).status,
      ),
    ]);
    return JSON.stringify(
      [...lists, ...statuses],
      (_, value) => (typeof value === 'bigint' ? String(value) : value),
      1,
    );
  }

  /** Everything that runs, and everything that was made for pods. */
  async function whatThereIs(): Promise<unknown> {
    const { tasks, containers: records, leases, sandboxes, snapshots } = rig.fake.state;
    return {
      tasks: [...tasks].map(([id, { init }]) => [id, init.status, init.signals.length]),
      records: [...records.keys()],
      leases: [...leases.keys()].filter((id) => pods.includes(id)),
      sandboxes: [...sandboxes.keys()],
      snapshots: [...snapshots.keys()].filter((key) => [...pods, ...containers].includes(key)),
      attached: [...rig.networks.attached.keys()],
      netns: [...rig.host.netns],
      mounts: [...rig.host.mounts],
      stdio: [...rig.stdio.opened.keys()].sort(),
      files: (await rig.leftovers()).files,
    };
  }

  /** One start in which it goes wrong; answers what was wrong with what came of it. */
  async function attempt({ to, name, nth }: OutwardCall, fails: (held: Held) => Failure, always: boolean) {
    let letGo = (): void => undefined;
    const until = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let hit = (): void => undefined;
    const met = new Promise<void>((resolve) => {
      hit = resolve;
    });
    const failure = { ...fails({ until, letGo }), nth: always ? ('always' as const) : nth, hit };
    const { code } = failure;
    if (to === 'containerd') rig.fake.fail(name, failure);
    else rig.faults.fail(name, { nth: failure.nth, afterEffect: failure.afterEffect, hit });
    const start = anotherStart();
    const wrong = new Set<string>();
    const watch = { on: true };
    const watching = (async () => {
      for (; watch.on; await pause(10)) {
        const now = await start.tell().catch(saidNothing);
        if (now !== '' && now !== told) wrong.add(`tells ${firstDifference(told, now)}`);
      }
    })();
    const limit = pause(HEALS_MS, 'stuck', { ref: false });
    await Promise.race([met, start.untilRight()]);
    await pause(LASTS_MS);
    rig.heal();
    letGo();
    if ((await Promise.race([start.untilRight(), limit])) === 'stuck') wrong.add('is stuck');
    watch.on = false;
    await watching;
    const last = await start.tell();
    if (last !== told) wrong.add(`tells in the end ${firstDifference(told, last)}`);
    const now = await whatThereIs();
    if (JSON.stringify(now) !== JSON.stringify(truth))
      wrong.add(`leaves ${firstDifference(pretty(truth), pretty(now))}`);
    start.stop();
    const row = `${name} ${always ? 'always' : nth}${code === undefined ? '' : ` ${code}`}`;
    return {
      wrong: [...wrong].map((what) => `${row}: ${what}`),
      harmed: JSON.stringify(now) !== JSON.stringify(truth),
    };
  }

  it.each(KINDS)(
    '%s, no pod is touched and nothing wrong is told',
    async (_name, fails) => {
      const wrong: string[] = [];
      const methods = calls.filter(({ nth }) => nth === 1);
      const rows = [
        ...calls.map((call) => ({ call, always: false })),
        ...methods.map((call) => ({ call, always: true })),
      ];
      for (const { call, always } of rows) {
        const outcome = await attempt(call, fails, always);
        wrong.push(...outcome.wrong);
        if (outcome.harmed) break; // what was destroyed says nothing about the next
      }
      expect(wrong).toEqual([]);
    },
    TABLE_MS,
  );
});

/** A status that is UNAVAILABLE misleads nobody: kubelet keeps what it had. */
const saidNothing = (error: unknown): string =>
  error instanceof RpcError && error.code === Code.UNAVAILABLE ? '' : String(error);

const bytesOf = ({ parts }: EncodedMessage): Buffer => Buffer.concat(parts);

function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 1);
}

/** The first line that differs. */
function firstDifference(was: string, is: string): string {
  const [a, b] = [was.split('\n'), is.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  return `${b[at]?.trim()} for ${a[at]?.trim()} in line ${at}`;
}
