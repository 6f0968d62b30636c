/** What finding pods again took at a start of crisp, in milliseconds. */
export type StartParts = Readonly<Record<'asked' | 'pods' | 'containers', number>>;

/** Reads of a crisp's log, one JSON object a line, what its last start took; throws when it tells of none. */
export function lastStart(log: string): StartParts {
  const line = log.split('\n').findLast((text) => text.startsWith('{') && text.includes('"message":"recovered"'));
  if (line === undefined) throw new Error('the log tells of no start');
  const { askedMs, podsMs, containersMs } = JSON.parse(line) as Record<string, unknown>;
  const parts = { asked: Number(askedMs), pods: Number(podsMs), containers: Number(containersMs) };
  if (Object.values(parts).some(Number.isNaN)) throw new Error(`the log's line of a start lacks its times: ${line}`);
  return parts;
}
