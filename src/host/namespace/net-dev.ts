import type { NetDev } from '../../model/net-dev';
import { runOk } from '../process/run';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';

/** Reads the text of /proc/net/dev: two lines of head, then per interface eight receive and eight transmit counters. */
export function parseNetDev(text: string): NetDev[] {
  return text.split('\n').flatMap((line) => {
    // The name ends at the last colon: that of an alias has one too. Its counter may follow without a space.
    const colon = line.lastIndexOf(':');
    const counters = line.slice(colon + 1).trim();
    if (colon < 0 || !/^\d{1,20}( +\d{1,20}){15}$/.test(counters)) return [];
    const value = counters.split(/ +/).map(BigInt);
    const at = (index: number): bigint => value[index] ?? 0n;
    return {
      name: line.slice(0, colon).trim(),
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    };
  });
}

/** The interfaces that a process sees, loopback included. Rejects with ENOENT when it does not run. */
export async function readNetDevOfPid(pid: number, means: Means = hostMeans()): Promise<NetDev[]> {
  return parseNetDev(await kernelCall(means, 'netDevOfPid', pid, { subject: String(pid) }));
}

/** The interfaces of a pinned network namespace, which needs no process in it. */
export async function readNetDevInNetns(path: string, means: Means = hostMeans()): Promise<NetDev[]> {
  if (means.syscalls === undefined) {
    return parseNetDev((await runOk(['nsenter', `--net=${path}`, '--', 'cat', '/proc/self/net/dev'])).stdout);
  }
  return parseNetDev(await kernelCall(means, 'netDev', path, { subject: path }));
}
