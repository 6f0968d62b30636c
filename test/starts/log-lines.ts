import { existsSync, readFileSync } from 'node:fs';

import type { StartPod } from './start-pods';

/** The highest number of a `line N` in the log, and the first one that is missing or doubled before it. */
export function linesOf(path: string): { readonly last: number; readonly wrong: string | undefined } {
  if (!existsSync(path)) return { last: 0, wrong: 'there is no log' };
  let last = 0;
  let wrong: string | undefined;
  for (const text of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const found = / line (\d+)$/.exec(text);
    if (!found) continue;
    const number = Number(found[1]);
    if (number !== last + 1) wrong ??= `line ${number} follows line ${last}`;
    last = number;
  }
  return { last, wrong };
}

/** How far each running container's log has come. */
export function logEnds(pods: readonly StartPod[]): Map<string, number> {
  const running = pods.flatMap(({ containers }) => containers.filter(({ runs }) => runs));
  return new Map(running.map(({ role, logPath }) => [role, linesOf(logPath).last]));
}

/** What is wrong with the logs of containers that run. */
export function wrongLogs(pods: readonly StartPod[]): string[] {
  return pods.flatMap(({ containers }) =>
    containers
      .filter(({ runs }) => runs)
      .flatMap(({ role, logPath }) => {
        const { wrong } = linesOf(logPath);
        return wrong === undefined ? [] : [`log of ${role}: ${wrong}`];
      }),
  );
}
