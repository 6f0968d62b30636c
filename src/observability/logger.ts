import { createLogger, format, transports } from 'winston';
import { errorMessage } from '../base/errors';
import { stringifyJson } from '../base/json/json';
import type { LogFields, Logger } from '../base/logger';

/** The words of `log.level`, most urgent first. */
const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 } as const;
type Level = keyof typeof LEVELS;

export interface LoggerOptions {
  readonly level: Level;
  readonly format: 'json' | 'text';
  /** Where lines go; standard error unless given. */
  readonly destination?: NodeJS.WritableStream;
}

/** The members every line has; a field of the same name is printed with `_` behind it. */
const RESERVED: ReadonlySet<string> = new Set(['time', 'level', 'message']);
/** The symbol under which winston's transports look for the finished line. */
const LINE = Symbol.for('message');

/** The one place that makes a Logger. Each call writes one line, at once; a level below the configured one writes none. */
export function makeLogger(options: LoggerOptions): Logger {
  const render = options.format === 'json' ? jsonLine : textLine;
  const winston = createLogger({
    level: options.level,
    levels: LEVELS,
    format: format((info) => {
      info[LINE] = render(new Date().toISOString(), info.level, String(info.message), info.fields as LogFields);
      return info;
    })(),
    transports: [new transports.Stream({ stream: options.destination ?? process.stderr, eol: '\n' })],
    exitOnError: false,
  });
  const enabled = (level: Level): boolean => LEVELS[level] <= LEVELS[options.level];
  const at = (level: Level, bound: LogFields): Logger['info'] =>
    enabled(level)
      ? (message, fields) => void winston.log(level, message, { fields: { ...bound, ...fields } })
      : () => undefined;
  const bind = (bound: LogFields): Logger => ({
    debugEnabled: enabled('debug'),
    debug: at('debug', bound),
    info: at('info', bound),
    warn: at('warn', bound),
    error: at('error', bound),
    child: (fields) => bind({ ...bound, ...fields }),
  });
  return bind({});
}

function jsonLine(time: string, level: string, message: string, fields: LogFields): string {
  const line: LogFields = { time, level, message };
  for (const [key, value] of Object.entries(fields)) line[nameOf(key)] = printable(value);
  return tryJson(line) ?? stringifyJson({ time, level, message });
}

function textLine(time: string, level: string, message: string, fields: LogFields): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${nameOf(key)}=${bare(printable(value))}`);
  return `${time} ${level.toUpperCase().padEnd(5)} ${message.replaceAll('\n', '\\n')}${parts.join('')}`;
}

const nameOf = (key: string): string => (RESERVED.has(key) ? `${key}_` : key);

/** An error becomes its message and those of its causes; bytes become their count, so that no body ever gets in. */
function printable(value: unknown): unknown {
  if (value instanceof Error) return errorMessage(value);
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  return value;
}

function bare(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
  return tryJson(value) ?? JSON.stringify(String(value));
}

/** JSON of a value; undefined when there is none, as for one that contains itself. Logging never throws. */
function tryJson(value: unknown): string | undefined {
  try {
    return stringifyJson(value);
  } catch {
    return undefined;
  }
}
