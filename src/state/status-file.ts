import { parseJson, stringifyJson } from '../base/json/json';
import type { ContainerStatus } from '../model/container';
import { fromGoJson, isPlain, toGoJson, unknownMembers } from './go-json';

/**
 * The status file of a container as the plugin writes it: a flat object with the field names of the Go struct. It has
 * no state: that follows from the times, in nanoseconds since 1970, of which 0 means "not yet".
 */

const VERSION = 'v1';
const FIELDS: readonly string[] = [
  'Version',
  'Pid',
  'CreatedAt',
  'StartedAt',
  'FinishedAt',
  'ExitCode',
  'Reason',
  'Message',
  'Resources',
];

type Plain = Record<string, unknown>;

/** Members of a status file that are not ours: a newer program has put them there, and they stay. */
export type ForeignMembers = Readonly<Plain>;

/** What a newer program has put into a file; undefined when there is nothing. */
export function foreignMembers(data: Buffer): ForeignMembers | undefined {
  return unknownMembers(parseObject(data) ?? {}, (key) => FIELDS.includes(key));
}

/** The file's content. */
export function encodeStatusFile(status: ContainerStatus, kept: ForeignMembers = {}): string {
  return stringifyJson({
    Version: VERSION,
    Pid: status.pid,
    CreatedAt: status.createdAt,
    StartedAt: status.startedAt,
    FinishedAt: status.finishedAt,
    ExitCode: status.exitCode,
    Reason: status.reason,
    Message: status.message,
    Resources: status.resources ? toGoJson('ContainerResources', status.resources) : null,
    ...kept,
  });
}

/** The status in the file; undefined when it is torn, of another version, or has no creation time. */
export function parseStatusFile(data: Buffer): ContainerStatus | undefined {
  const stored = parseObject(data);
  if (!stored || stored.Version !== VERSION) return undefined;
  try {
    const status: ContainerStatus = {
      pid: number(stored.Pid),
      createdAt: integer(stored.CreatedAt),
      startedAt: integer(stored.StartedAt),
      finishedAt: integer(stored.FinishedAt),
      exitCode: number(stored.ExitCode),
      reason: text(stored.Reason),
      message: text(stored.Message),
      resources: stored.Resources ? fromGoJson('ContainerResources', stored.Resources) : undefined,
      unknown: false,
    };
    return status.createdAt > 0n ? status : undefined;
  } catch {
    return undefined;
  }
}

function parseObject(data: Buffer): Plain | undefined {
  try {
    const value = parseJson(data.toString('utf8'));
    return isPlain(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function integer(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  return BigInt(number(value));
}

function number(value: unknown = 0): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError('not a number');
  return value;
}

function text(value: unknown = ''): string {
  if (typeof value !== 'string') throw new TypeError('not a string');
  return value;
}
