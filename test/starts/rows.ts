import type { Message } from '../support/daemon/daemon-methods';
import type { ProxiedCall } from '../support/daemon/fault-proxy';
import type { Seeded } from '../support/seeded';
import { type CallKind, callName, canHold, isOf, kindOf } from './calls';
import { type FaultSpec, type FileSpec, faultName, type Gallery, idOf, reaches, type Where } from './fault';
import { FILE_FAULTS } from './files';
import { CALL_FAULTS, type CallFault, ITEM_FAULTS, type ItemFault, REFUSALS } from './kinds';
import type { StartPod } from './start-pods';

/** One start that goes wrong. */
export interface Row {
  readonly name: string;
  readonly faults: readonly FaultSpec[];
  /** Crisp is killed and started, or goes on while containerd is killed and started. */
  readonly what: 'start' | 'containerd restart';
  readonly file?: FileSpec;
}

export function rowOf(faults: readonly FaultSpec[], what: Row['what'] = 'start'): Row {
  return { name: `${what}: ${faults.map(faultName).join(' + ')}`, faults, what };
}

/** Every row that follows from the files that a start was seen to read, by their paths with roles. */
export function fileRowsOf(paths: readonly string[]): Row[] {
  return paths
    .filter((path) => !path.split('/').some((part) => DOUBLES.test(part)))
    .flatMap((path) => FILE_FAULTS.map((fault) => ({ path, fault })))
    .map((file) => ({ name: `start: file ${file.path} is ${file.fault}`, faults: [], what: 'start', file }));
}

/** The kinds of calls among these, each once. */
export function kindsOf(calls: readonly ProxiedCall[], pods: readonly StartPod[]): CallKind[] {
  const kinds = new Map(calls.map((call) => kindOf(call, pods)).map((kind) => [callName(kind), kind]));
  return [...kinds.values()];
}

/** Pods of the same shape as another: one of them says it for both where each call is tried. */
const DOUBLES = /\b(bridge-2|host-2)\b/;

/** Services that hold records or tasks with one item for each pod or container. */
const WITH_ITEMS = ['Containers', 'Tasks', 'Store'];

/** Every row that follows from the calls that a start was seen to make. */
export function rowsOf(
  kinds: readonly CallKind[],
  pods: readonly StartPod[],
  { random, what, gallery }: { random: Seeded; what: Row['what']; gallery: Gallery },
): Row[] {
  const services = [...new Set(kinds.map(({ method }) => serviceOf(method)))];
  const methods = [...new Set(kinds.map(({ method }) => method))];
  const single = kinds.filter(({ about }) => !DOUBLES.test(about));
  const wholes: Where[] = [
    ...services.map((service) => ({ service })),
    ...methods.map((method) => ({ service: serviceOf(method), method })),
  ];
  const specs: FaultSpec[] = [
    ...wholes.flatMap((where) => CALL_FAULTS.map((kind) => ({ where, kind }))),
    ...single.flatMap((call) => singleFaults(call, random)),
    ...services
      .filter((service) => WITH_ITEMS.includes(service))
      .flatMap((service) => itemFaults(service, { methods, pods, seen: gallery.get(service) ?? [] })),
  ];
  return specs.map((spec) => rowOf([spec], what));
}

/** One call about one thing: once, and each time while the fault lasts. Of the many codes two always and one by chance. */
function singleFaults({ method, about }: CallKind, random: Seeded): FaultSpec[] {
  const where: Where = { service: serviceOf(method), method, about };
  // A method that names nothing is tried as a whole already.
  return (about ? [true, false] : [true]).flatMap((once) =>
    [...someFaults(random)].map((kind): FaultSpec => ({ where: { ...where, once }, kind })),
  );
}

function someFaults(random: Seeded): CallFault[] {
  const always = CALL_FAULTS.filter(({ name, kind }) => kind !== 'refused' || /^(UNAVAILABLE|NOT_FOUND)$/.test(name));
  const others = REFUSALS.filter((fault) => !always.includes(fault));
  return [...always, random.pick(others)];
}

function itemFaults(
  service: string,
  { methods, pods, seen }: { methods: readonly string[]; pods: readonly StartPod[]; seen: readonly Message[] },
): FaultSpec[] {
  const roles = pods.flatMap(({ role, containers }) => [role, ...containers.map((each) => each.role)]);
  const lists = methods.filter((method) => serviceOf(method) === service && canHold(method));
  const places: Where[] = [{ service }, ...lists.map((method) => ({ service, method }))];
  const shows = (role: string, kind: ItemFault): boolean =>
    seen.some((item) => isOf(item, idOf(pods, role)) && kind.change(item, item) !== undefined);
  return roles
    .filter((role) => !DOUBLES.test(role))
    .flatMap((item) => ITEM_FAULTS.filter((kind) => shows(item, kind)).map((kind) => ({ item, kind })))
    .flatMap(({ item, kind }) => places.map((where) => ({ where: { ...where, item }, kind })));
}

/** Rows for calls that a row made and no clean start does: both faults at once. */
export function derivedRows(row: Row, unknown: readonly CallKind[], random: Seeded): Row[] {
  const others = unknown.filter((kind) => !row.faults.some(({ where }) => reaches(where, kind)));
  return others.flatMap(({ method, about }) =>
    someFaults(random).map((kind) =>
      rowOf([...row.faults, { where: { service: serviceOf(method), method, about }, kind }], row.what),
    ),
  );
}

/**
 * So many of them, by chance: a row is drawn by its reach (a service, a method, one call) first, as there are many more of
 * the small ones.
 */
export function drawn(rows: readonly Row[], count: number, random: Seeded): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(reachOf(row), [...(groups.get(reachOf(row)) ?? []), row]);
  const chosen: Row[] = [];
  while (chosen.length < Math.min(count, rows.length)) {
    for (const group of groups.values()) {
      if (group.length === 0 || chosen.length >= count) continue;
      chosen.push(...group.splice(random.between(0, group.length - 1), 1));
    }
  }
  return chosen;
}

function reachOf({ faults: [first, second], what, file }: Row): string {
  if (file) return `file ${file.path.split('/')[1]} ${file.path.split('/')[2]}`;
  if (!first) return what;
  const { where, kind } = first;
  if (second) return `${where.service} + ${second.where.method}`;
  if (where.item) return `${what} item ${kind.name}`;
  const reach = where.once ? 'once' : where.about !== undefined ? 'one' : where.method ? 'method' : 'service';
  return `${what} ${reach} ${serviceOf(where.method ?? where.service)}`;
}

function serviceOf(method: string): string {
  return method.split('/')[0] ?? '';
}
