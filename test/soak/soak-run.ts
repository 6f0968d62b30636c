import { join } from 'node:path';

import { Done, Faults } from '../support/counts';
import { keepLogs } from '../support/daemon/kept-logs';
import { kindLeft, leftSince } from '../support/daemon/left-since';
import { Seeded } from '../support/seeded';
import { toldOf } from '../support/told';
import { Beside } from './beside';
import { EventRecord } from './event-record';
import { type Ground, WRONG, wrong } from './ground';
import { Life } from './life';
import { noiseIn } from './log-noise';
import type { Run } from './plan';
import { Present } from './present';
import { SoakNode } from './soak-node';
import { listedBy, type SoakTraces, tracesOf } from './soak-traces';
import { growing, Trend } from './trend';

const PODS_AT_ONCE = 5;
const SAMPLE_MS = 1000;
/** What is on its way out gets so long. */
const SETTLES_MS = 60_000;

/** What a run has counted. */
export interface Counted {
  readonly pods: number;
  readonly done: Done;
  readonly trend: Trend;
  /** By kind: what is wrong, and `left: …`. */
  readonly rows: readonly { readonly kind: string; readonly count: number; readonly example: string }[];
  /** What crisp logged at level warn or error. */
  readonly noise: readonly [what: string, times: number][];
  /** The last that crisp's log says of what is in the examples. */
  readonly told: readonly string[];
}

/** Lets pods live on a node of its own until the run is over, or `stopped` says so, and counts. */
export async function soakOnce(run: Run, stopped: () => boolean): Promise<Counted> {
  const soak = await SoakNode.start(run.version, run.infra);
  const [done, trend] = [new Done(), new Trend()];
  try {
    const before = await look(soak);
    const faults = new Faults([...WRONG, ...Object.keys(before).map(kindLeft)]);
    const pods = await live(run, stopped, { soak, done, faults, trend });
    for (const what of growing(trend)) faults.add('memory, descriptors or threads that grow with the pods', what);
    const tidied = async (): Promise<SoakTraces> => {
      await removeListed(soak, done);
      return look(soak);
    };
    for (const [kind, what] of await leftSince(before, tidied, SETTLES_MS)) faults.add(kindLeft(kind), what);
    const noise = await noiseIn(join(soak.node.dir, 'crisp.log'));
    return { pods, done, trend, rows: faults.rows(), noise, told: toldOf(soak.node.dir, faults.examples()) };
  } finally {
    // SOAK_LOGS names a folder for what the daemons have said; there is one in it for each run.
    const { SOAK_LOGS } = process.env;
    keepLogs(soak.node.dir, SOAK_LOGS && join(SOAK_LOGS, `${run.version}-${run.infra}`));
    await soak.stop();
  }
}

async function look(soak: SoakNode): Promise<SoakTraces> {
  return tracesOf(soak, await listedBy(soak.node.cri));
}

/** A pod that was given up may be listed long after, when its undo has failed; kubelet removes what it does not know. */
async function removeListed({ node: { cri } }: SoakNode, done: Done): Promise<void> {
  const { items } = await cri.runtime.listPodSandbox({ filter: undefined });
  for (const { id: podSandboxId } of items) {
    try {
      await cri.runtime.stopPodSandbox({ podSandboxId });
      await cri.runtime.removePodSandbox({ podSandboxId });
      done.add('pods given up that were listed at the end, and removed');
    } catch {
      // What cannot be removed is counted.
    }
  }
}

type Parts = Pick<Ground, 'soak' | 'done' | 'faults'> & { readonly trend: Trend };

/** Answers how many pods have lived. */
async function live(run: Run, stopped: () => boolean, { soak, done, faults, trend }: Parts): Promise<number> {
  const random = new Seeded(run.seed);
  const until = Date.now() + run.seconds * 1000;
  let [begun, ended] = [0, 0];
  const over = (): boolean => Date.now() > until || stopped();
  const shared = { soak, done, faults, over, present: new Present(), events: new EventRecord() };
  const beside = new Beside({ ...shared, random: random.fork() });
  const processes = new Processes(shared);
  const sampling = setInterval(() => {
    trend.measure(soak.node.crisp, ended);
    processes.look();
  }, SAMPLE_MS);
  await beside.start();
  const lives = Array.from({ length: PODS_AT_ONCE }, async () => {
    const ground = { ...shared, cri: soak.node.connect(), random: random.fork() };
    while (!over() && begun < run.pods) {
      begun += 1;
      await new Life(ground, begun).run();
      ended += 1;
    }
  });
  try {
    await Promise.all(lives);
  } finally {
    soak.calmCni();
    await beside.stop();
    clearInterval(sampling);
    processes.look();
  }
  return ended;
}

/** crisp and its stdio process, each of which must be the same from the beginning to the end. */
class Processes {
  private readonly crisp: number;
  private stdio: number | undefined;

  constructor(private readonly ground: Pick<Ground, 'soak' | 'faults'>) {
    const { crisp } = ground.soak.node;
    this.crisp = crisp.daemon.pid;
    this.stdio = crisp.stdioPid();
    void crisp.daemon.ended.then((code) => {
      if (!ground.soak.stopping) wrong(ground, 'processes of crisp that ended', `crisp ${this.crisp} with ${code}`);
    });
  }

  look(): void {
    const now = this.ground.soak.node.crisp.stdioPid();
    if (this.stdio !== undefined && now !== this.stdio)
      wrong(this.ground, 'processes of crisp that ended', `crisp-stdio ${this.stdio}; now it is ${now ?? 'none'}`);
    this.stdio = now;
  }
}
