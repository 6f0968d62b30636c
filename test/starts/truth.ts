import {
  type Container,
  ContainerState,
  type ContainerStatus,
  type PodSandbox,
  PodSandboxState,
  type PodSandboxStatus,
} from '../../generated/cri/v1/api';
import { CriClient } from '../../src/client/cri-client';
import { RpcCallError } from '../../src/rpc/client/rpc-call-error';
import { Code } from '../../src/rpc/code';

/** What CRI tells of every pod and container at one moment, as kubelet asks for it. An Error is a call that failed. */
export interface Told {
  readonly pods: PodSandbox[] | Error;
  readonly containers: Container[] | Error;
  readonly podStatus: ReadonlyMap<string, PodSandboxStatus | Error>;
  readonly containerStatus: ReadonlyMap<string, ContainerStatus | Error>;
}

export interface Ids {
  readonly pods: readonly string[];
  readonly containers: readonly string[];
}

const CALL_MS = 2000;

/** Asks the server at `socket` everything once, over a connection of its own. */
export async function ask(socket: string, ids: Ids): Promise<Told> {
  const cri = new CriClient(socket);
  const options = { timeoutMs: CALL_MS };
  const each = async <T>(list: readonly string[], call: (id: string) => Promise<T>): Promise<Map<string, T | Error>> =>
    new Map(await Promise.all(list.map(async (id): Promise<[string, T | Error]> => [id, await orError(call(id))])));
  try {
    const [pods, containers, podStatus, containerStatus] = await Promise.all([
      orError(cri.runtime.listPodSandbox({ filter: undefined }, options).then(({ items }) => items)),
      orError(cri.runtime.listContainers({ filter: undefined }, options).then((answer) => answer.containers)),
      each(ids.pods, async (podSandboxId) => {
        const { status } = await cri.runtime.podSandboxStatus({ podSandboxId, verbose: false }, options);
        return status ?? new Error('no status in the answer');
      }),
      each(ids.containers, async (containerId) => {
        const { status } = await cri.runtime.containerStatus({ containerId, verbose: false }, options);
        return status ?? new Error('no status in the answer');
      }),
    ]);
    return { pods, containers, podStatus, containerStatus };
  } finally {
    cri.close();
  }
}

async function orError<T>(call: Promise<T>): Promise<T | Error> {
  try {
    return await call;
  } catch (error) {
    return error as Error;
  }
}

export interface Verdict {
  /** What a kubelet would have acted on though it is wrong. */
  readonly misled: string[];
  /** What was not answered. */
  readonly failed: string[];
}

/** What cannot be known as exactly as before. */
export interface Blur {
  /** Ids whose record or status file cannot be read now. */
  readonly blurred: ReadonlySet<string>;
  /** Ids of ended containers of which it cannot be known that they have: these may be UNKNOWN. */
  readonly lost: ReadonlySet<string>;
}

export const NO_BLUR: Blur = { blurred: new Set(), lost: new Set() };

/** How what is told now differs from what was told when all was well. */
export function compare(before: Told, now: Told, { blurred, lost }: Blur, role: (id: string) => string): Verdict {
  const verdict: Verdict = { misled: [], failed: [] };
  const places = { verdict, blurred, lost, role };
  compareLists('ListPodSandbox', before.pods, now.pods, places);
  compareLists('ListContainers', before.containers, now.containers, places);
  compareStatuses('PodSandboxStatus', before.podStatus, now.podStatus, places);
  compareStatuses('ContainerStatus', before.containerStatus, now.containerStatus, places);
  return verdict;
}

interface Places extends Blur {
  readonly verdict: Verdict;
  readonly role: (id: string) => string;
}

function compareLists<T extends { id: string; state: number }>(
  rpc: string,
  before: T[] | Error,
  now: T[] | Error,
  { verdict, blurred, lost, role }: Places,
): void {
  if (before instanceof Error) throw before;
  if (now instanceof Error) return void verdict.failed.push(`${rpc}: ${now.message}`);
  for (const was of before) {
    const is = now.filter(({ id }) => id === was.id);
    if (is[0] === undefined) verdict.misled.push(`${rpc} lacks ${role(was.id)}`);
    else if (is.length > 1) verdict.misled.push(`${rpc} has ${role(was.id)} ${is.length} times`);
    else note({ verdict, rpc, who: role(was.id), blurred: blurred.has(was.id), lost: lost.has(was.id) }, was, is[0]);
  }
  const known = new Set(before.map(({ id }) => id));
  for (const { id } of now) if (!known.has(id)) verdict.misled.push(`${rpc} has ${id}, which is not there`);
}

function compareStatuses<T extends { state: number }>(
  rpc: string,
  before: ReadonlyMap<string, T | Error>,
  now: ReadonlyMap<string, T | Error>,
  { verdict, blurred, lost, role }: Places,
): void {
  for (const [id, was] of before) {
    if (was instanceof Error) throw was;
    const is = now.get(id) ?? new Error('not asked');
    if (is instanceof RpcCallError && is.code === Code.NOT_FOUND) {
      verdict.misled.push(`${rpc} ${role(id)}: NOT_FOUND`);
    } else if (is instanceof Error) verdict.failed.push(`${rpc} ${role(id)}: ${is.message}`);
    else note({ verdict, rpc, who: role(id), blurred: blurred.has(id), lost: lost.has(id) }, was, is);
  }
}

/** Of a record that cannot be read, only what kubelet finds the pod by and what it acts on must be right. */
function note<T extends { state: number }>(
  { verdict, rpc, who, blurred, lost }: { verdict: Verdict; rpc: string; who: string; blurred: boolean; lost: boolean },
  was: T,
  is: T,
): void {
  if (lost && is.state === ContainerState.CONTAINER_UNKNOWN) return;
  const [a, b] = [named(rpc, was), named(rpc, is)];
  const list = blurred ? differences(essence(a), essence(b)) : differences(a, b);
  if (list.length > 0) verdict.misled.push(`${rpc} ${who}: ${list.slice(0, 3).join(', ')}`);
}

function essence(item: object): object {
  const { state, id, labels, metadata } = item as {
    state: string;
    id: string;
    labels: object;
    metadata?: { name: string };
  };
  return { state, id, labels, name: metadata?.name };
}

/** Where two messages differ, by path. */
function differences(was: unknown, is: unknown, path = ''): string[] {
  if (typeof was !== 'object' || typeof is !== 'object' || was === null || is === null) {
    return was === is ? [] : [`${path} is ${short(is)}, not ${short(was)}`];
  }
  const [a, b] = [was as Record<string, unknown>, is as Record<string, unknown>];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differences(a[key], b[key], path ? `${path}.${key}` : key));
}

function short(value: unknown): string {
  const text =
    JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)) ?? 'absent';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The states by name: a number says nothing in a message. */
function named<T extends { state: number }>(rpc: string, item: T): object {
  const states: Record<number, string> = rpc.includes('Pod') ? PodSandboxState : ContainerState;
  return { ...item, state: states[item.state]?.replace(/^(SANDBOX|CONTAINER)_/, '') ?? item.state };
}
