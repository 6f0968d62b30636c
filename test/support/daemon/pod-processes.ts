import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A process that was told to end is gone after one or two. */
const ROUNDS = 100;

/**
 * Processes that are there because of the pods of one test, by the test's folder: those in containers whose root
 * filesystem lies in it, CNI plugins and OCI runtimes that were told of it. `<pid> <command> in <cgroup>` each.
 */
export function processesOfPods(dir: string): string[] {
  return pidsOfPods(dir).map((pid) => {
    const cgroup = read(pid, 'cgroup').split('\n')[0]?.split(':')[2];
    return `${pid} ${read(pid, 'cmdline').replaceAll('\0', ' ').trim()} in ${cgroup}`;
  });
}

/** Ends them all, as the end of the machine does. */
export function endProcessesOfPods(dir: string): void {
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = pidsOfPods(dir);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  }
}

function pidsOfPods(dir: string): string[] {
  const inside = (pid: string): boolean => runsIn(pid, dir) || isPluginFor(pid, dir) || isRuntimeFor(pid, dir);
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && inside(name));
}

/** What runc remembers of the containers of one test: it keeps that in one place for the whole machine. */
export function runtimeStates(dir: string): string[] {
  const folder = '/run/containerd/runc/k8s.io';
  const names = (() => {
    try {
      return readdirSync(folder);
    } catch {
      return []; // nobody has run anything since the machine was started
    }
  })();
  return names
    .map((name) => join(folder, name))
    .filter((path) => contentOf(join(path, 'state.json')).includes(`${dir}/`));
}

/** Whether the process's own mounts begin with a root filesystem below the folder. */
function runsIn(pid: string, dir: string): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync('/proc/self/ns/mnt')) return false;
  } catch {
    return false; // it has ended meanwhile
  }
  const root = read(pid, 'mountinfo')
    .split('\n')
    .find((line) => line.split(' ')[4] === '/');
  return root?.includes(`${dir}/`) ?? false;
}

function isPluginFor(pid: string, dir: string): boolean {
  const variables = read(pid, 'environ').split('\0');
  return ['CNI_PATH', 'CNI_NETNS'].some((name) => variables.some((each) => each.startsWith(`${name}=${dir}/`)));
}

function isRuntimeFor(pid: string, dir: string): boolean {
  const [program = '', ...args] = read(pid, 'cmdline').split('\0');
  return /(^|\/)runc$/.test(program) && args.some((each) => each.startsWith(`${dir}/`));
}

function read(pid: string, name: string): string {
  return contentOf(`/proc/${pid}/${name}`);
}

/** When a process began, in the kernel's ticks since the machine did; undefined when it is gone or is only to be waited for. */
export function beginOf(pid: number): string | undefined {
  const stat = contentOf(`/proc/${pid}/stat`);
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : fields[18];
}

/** What a file says; nothing when it is gone. */
export function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
