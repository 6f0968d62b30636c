import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { keepLogs } from '../../support/daemon/kept-logs';
import { type Left, leftSince } from '../../support/daemon/left-since';
import type { Leftovers } from '../../support/daemon/leftovers';
import { removeCgroup } from '../../support/kubelet/cgroup';
import { handlesEnv, readHandles, residentBytes } from '../../support/node/crisp-process';
import { BUSYBOX, PAUSE, startNode, type TestNode } from '../../support/node/node';
import { ensurePulled, removePod, runContainer, runPod, shell } from '../../support/node/pods';
import { Seeded } from '../../support/seeded';
import { stageNamed, versionOf } from '../../support/stages';
import { Messages } from './messages';
import { type Ended, RawClient } from './send';
import { CGROUP, World } from './world';

const MB = 1 << 20;
const MOST_MB = 30;
const CONNECTIONS = 4;
const AT_ONCE = 12;
/** Messages between two looks at what there is. */
const BETWEEN_LOOKS = 400;
const MOST_PODS = 6;
/** The first of them bring about what comes with any use: code that is compiled, caches that are filled. */
const WARM_UP = 0.05;
const LEAST_WARM_UP = 1000;
const SETTLES_MS = 60_000;
/** An error of the language, and not one of ours. */
const SLIP =
  /call stack|is not a function|is not iterable|Cannot (read|set|convert|mix|destructure)|of undefined|out of range:|JSON at position/;

export interface MessagesOptions {
  readonly count: number;
  readonly seed: number;
  readonly stopped: () => boolean;
  /** It ends early then, in milliseconds since 1970. */
  readonly until?: number;
  /** For who watches; absent: nobody does. */
  readonly say?: (line: string) => void;
}

/** Something that messages must not do, and each time that they have done it. */
export interface Row {
  readonly what: string;
  readonly wrong: readonly string[];
}

/**
 * Starts a crisp before a containerd of its own, sends it random messages over all RPCs, removes what they have made, and
 * answers what was wrong. STAGE says which containerd, FUZZ_LOGS keeps what the daemons have logged.
 */
export async function fuzzMessages(options: MessagesOptions): Promise<readonly Row[]> {
  const { STAGE, FUZZ_LOGS } = process.env;
  const version = versionOf(stageNamed(STAGE) ?? '1.6');
  const node = await startNode({ version, settings: { sandbox_image: PAUSE }, env: handlesEnv });
  try {
    return await fuzzNode(node, { say: console.log, ...options });
  } finally {
    keepLogs(node.dir, FUZZ_LOGS);
    await node.stop();
    removeCgroup(CGROUP.slice(1));
  }
}

/** The same on a node that is there; its crisp was started with `handlesEnv`. */
export async function fuzzNode(node: TestNode, options: MessagesOptions): Promise<readonly Row[]> {
  const { count, seed, say = () => undefined } = options;
  for (const image of [PAUSE, BUSYBOX]) await ensurePulled(node, image);
  const first = await runPod(node);
  await runContainer(node, first, shell('first', 'sleep 100000'));
  await removePod(node, first);
  const before = await look(node);
  const daemon = node.crisp.daemon;
  let crashed: string[] = [];
  void daemon.ended.then((code) => (crashed = [`crisp ended with ${code}`]));
  const run = new Run(node, new Seeded(seed), options);
  await run.send(Math.ceil(Math.max(count * WARM_UP, Math.min(count / 3, LEAST_WARM_UP))));
  const base = await settledBytes(node);
  await run.send(count - run.sent);
  const wrong = { crashed: [...crashed], slips: run.slips };
  await removeEverything(node);
  const grown = (await settledBytes(node)) - base;
  say(`${run.sent} messages, ${run.codes()}; memory ${(grown / MB).toFixed(1)} MB above before`);
  const left = await leftSince(before, () => look(node), SETTLES_MS);
  return [
    { what: 'crisp runs on', wrong: wrong.crashed },
    { what: 'each call has an end', wrong: run.unended },
    { what: 'no call ends with an error of the language', wrong: wrong.slips },
    { what: 'nothing is left', wrong: left.map(([kind, what]: Left) => `${kind}: ${what}`) },
    { what: 'nothing is logged as an error', wrong: await errorsIn(join(node.dir, 'crisp.log')) },
    {
      what: `memory is at most ${MOST_MB} MB above before`,
      wrong: grown > MOST_MB * MB ? [`${Math.round(grown / MB)} MB`] : [],
    },
  ];
}

class Run {
  sent = 0;
  readonly slips: string[] = [];
  readonly unended: string[] = [];
  private readonly world: World;
  private readonly messages: Messages;
  private readonly ends = new Map<string, number>();

  constructor(
    private readonly node: TestNode,
    random: Seeded,
    private readonly options: MessagesOptions,
  ) {
    this.world = new World(node, random.fork());
    this.messages = new Messages(this.world, random.fork());
  }

  /** Sends so many more. */
  async send(count: number): Promise<void> {
    const clients = Array.from({ length: CONNECTIONS }, () => new RawClient(this.node.crisp.socket));
    try {
      for (let left = count; left > 0 && !this.over(); left -= BETWEEN_LOOKS) {
        await this.world.refresh(MOST_PODS);
        await this.some(clients, Math.min(left, BETWEEN_LOOKS));
      }
    } finally {
      for (const client of clients) client.close();
    }
  }

  /** How the calls have ended, the most frequent first. */
  codes(): string {
    return [...this.ends]
      .sort(([, a], [, b]) => b - a)
      .map(([code, times]) => `${times} ${code}`)
      .join(', ');
  }

  private over(): boolean {
    const { stopped, until = Number.POSITIVE_INFINITY } = this.options;
    return stopped() || Date.now() > until;
  }

  private async some(clients: readonly RawClient[], count: number): Promise<void> {
    let left = count;
    const worker = async (_: unknown, nth: number): Promise<void> => {
      while (left-- > 0) {
        const made = this.messages.next();
        const client = clients[nth % clients.length];
        if (!client) return;
        this.sent++;
        const ended = await client.send(made);
        this.note(made.rpc.name, ended, made.bytes);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  private note(method: string, { code, message }: Ended, bytes: Buffer): void {
    this.ends.set(code, (this.ends.get(code) ?? 0) + 1);
    const told = `${method} ${code}: ${message.slice(0, 200)} (${bytes.subarray(0, 200).toString('base64')})`;
    if (code === 'UNAVAILABLE' && /dropped|connect/i.test(message)) this.unended.push(told);
    if ((code === 'INTERNAL' || code === 'UNKNOWN') && SLIP.test(message)) this.slips.push(told);
  }
}

async function look(node: TestNode): Promise<Leftovers & { readonly listed: readonly string[] }> {
  const { items } = await node.cri.runtime.listPodSandbox({ filter: undefined });
  const { containers } = await node.cri.runtime.listContainers({ filter: undefined });
  return { ...node.traces(), listed: [...items, ...containers].map(({ id }) => id) };
}

async function removeEverything({ cri: { runtime } }: TestNode): Promise<void> {
  const { items } = await runtime.listPodSandbox({ filter: undefined });
  for (const { id: podSandboxId } of items) {
    await runtime.stopPodSandbox({ podSandboxId });
    await runtime.removePodSandbox({ podSandboxId });
  }
}

/** Memory of crisp in RAM, once garbage is collected and what has been freed is given back. */
async function settledBytes(node: TestNode): Promise<number> {
  const { pid } = node.crisp.daemon;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 4; i++) {
    await readHandles(pid, node.dir);
    least = Math.min(least, residentBytes(pid));
    await pause(500);
  }
  return least;
}

/** Lines of a log at level error, shortened. */
async function errorsIn(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (line.includes('"level":"error"')) found.push(line.slice(0, 1000));
  }
  return found;
}
