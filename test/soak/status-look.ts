import { ContainerState, type ContainerStatus } from '../../generated/cri/v1/api';

type Seen = Pick<ContainerStatus, 'state' | 'createdAt' | 'startedAt' | 'finishedAt'>;

/** Clocks of daemons and of this program are one; what was noted in nanoseconds may be read as a whole millisecond. */
const ROUNDED_NS = 1_000_000n;

/** States in the order in which a container has them. */
const ORDER = [
  ContainerState.CONTAINER_CREATED,
  ContainerState.CONTAINER_UNKNOWN, // a start failed, and what it left is not gone yet
  ContainerState.CONTAINER_RUNNING,
  ContainerState.CONTAINER_EXITED,
];

/** What is wrong with the times of a status, by itself and after the one before it, a line each. */
export function timesBackwards(now: Seen, before: Seen | undefined, clock: bigint): string[] {
  const { createdAt, startedAt, finishedAt } = now;
  const problems: string[] = [];
  if (createdAt === 0n) problems.push('it has no time of creation');
  if (startedAt !== 0n && startedAt < createdAt)
    problems.push(`started ${createdAt - startedAt} ns before its creation`);
  if (finishedAt !== 0n && finishedAt < startedAt)
    problems.push(`finished ${startedAt - finishedAt} ns before its start`);
  for (const [name, at] of Object.entries({ createdAt, startedAt, finishedAt }))
    if (at > clock + ROUNDED_NS) problems.push(`${name} is ${at - clock} ns from now`);
  if (!before) return problems;
  if (ORDER.indexOf(now.state) < ORDER.indexOf(before.state))
    problems.push(`${ContainerState[now.state]} after ${ContainerState[before.state]}`);
  for (const name of ['createdAt', 'startedAt', 'finishedAt'] as const)
    if (before[name] !== 0n && now[name] !== before[name])
      problems.push(`${name} was ${before[name]}, is ${now[name]}`);
  return problems;
}

/** What is wrong with how an ended container is told to have ended; undefined when nothing is. */
export function wrongEnd(
  { state, exitCode, reason, message }: ContainerStatus,
  end: { readonly code: number; readonly reason: string },
): string | undefined {
  if (state === ContainerState.CONTAINER_EXITED && exitCode === end.code && reason === end.reason) return undefined;
  return `${ContainerState[state]} with ${exitCode} (${reason} ${message}) instead of ${end.code} (${end.reason})`;
}
