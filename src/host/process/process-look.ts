import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startOfNow } from '../mount/read-locally';
import { isEnding, parseParent, parseStartTime } from './proc';

/**
 * The arguments of a process count up to so many bytes: a shim or an OCI runtime has some hundred. A process in a container
 * may have megabytes of them, of which only the program is told.
 */
export const MAX_COMMAND_BYTES = 4096;
/** What the arguments of all processes may have together; of further ones only the program is told. */
export const MAX_TEXTS_BYTES = 8 << 20;

/**
 * Processes as lists side by side, which pass between threads in a fraction of the time that as many objects take: a pod may
 * have tens of thousands. -1 stands for what is not known; `args` and `cgroups` are places in `texts`.
 */
export interface ProcessColumns {
  readonly pids: Int32Array;
  readonly parents: Int32Array;
  readonly startTimes: BigInt64Array;
  readonly args: Int32Array;
  readonly cgroups: Int32Array;
  readonly texts: readonly string[];
}

/**
 * All processes that run; those that only end, zombies among them, are left out. Blocks the thread: the arguments of a process are
 * in its own memory, for which the kernel may have to wait.
 */
export function lookAtProcessesNow(procRoot: string): ProcessColumns {
  const names = readdirSync(procRoot).filter((name) => /^\d+$/.test(name));
  const texts = new Texts();
  const found = names.flatMap((name) => {
    const read = (file: string): string | undefined => textOf(join(procRoot, name, file));
    const stat = read('stat');
    if (stat !== undefined && isEnding(stat)) return [];
    return {
      pid: Number(name),
      parent: stat === undefined ? -1 : parseParent(stat),
      startTime: (stat === undefined ? undefined : parseStartTime(stat)) ?? -1n,
      args: texts.place(commandOf(join(procRoot, name, 'cmdline')), programOf),
      cgroups: texts.place(read('cgroup') ?? '', (whole) => whole),
    };
  });
  return {
    pids: Int32Array.from(found, ({ pid }) => pid),
    parents: Int32Array.from(found, ({ parent }) => parent),
    startTimes: BigInt64Array.from(found, ({ startTime }) => startTime),
    args: Int32Array.from(found, ({ args }) => args),
    cgroups: Int32Array.from(found, ({ cgroups }) => cgroups),
    texts: texts.all,
  };
}

/** Each text once: the processes of a container share the cgroup, and mostly the arguments. */
class Texts {
  readonly all: string[] = [];
  private readonly places = new Map<string, number>();
  private bytes = 0;

  /** Where the text is, or `short` of it when there are too many already. */
  place(text: string, short: (text: string) => string): number {
    if (this.bytes > MAX_TEXTS_BYTES && !this.places.has(text)) return this.placeOf(short(text));
    return this.placeOf(text);
  }

  private placeOf(text: string): number {
    const known = this.places.get(text);
    if (known !== undefined) return known;
    this.bytes += text.length;
    this.places.set(text, this.all.length);
    return this.all.push(text) - 1;
  }
}

/** The first argument, cut like the name that the kernel keeps of a program. */
function programOf(command: string): string {
  const [program = ''] = command.split('\0', 1);
  return command === '' ? '' : `${program.slice(0, 15)}\0`;
}

function commandOf(path: string): string {
  const command = textOf(path) ?? '';
  return command.length > MAX_COMMAND_BYTES ? programOf(command) : command;
}

/** Undefined when the process has ended. */
function textOf(path: string): string | undefined {
  try {
    return startOfNow(path, MAX_COMMAND_BYTES + 1);
  } catch {
    return undefined;
  }
}
