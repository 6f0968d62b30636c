import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { errnoOf, errorMessage } from '../base/errors';
import { type Config, schema } from './schema';
import { ConfigError, isTable, readShape } from './setting';

/** The file that is read when none is named and it exists. */
export const DEFAULT_CONFIG_FILE = '/etc/crisp/config.toml';

/** The shim that groups by an annotation. */
const RUNC_SHIM = 'io.containerd.runc.v2';

/** Addresses that no other machine reaches: tokens may travel in the clear there. */
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** Settings given on the command line; they win over the file. */
export interface ConfigFlags {
  readonly listen?: string;
  /** Address of containerd. */
  readonly containerd?: string;
  readonly root?: string;
  readonly state?: string;
  readonly logLevel?: string;
}

/**
 * The configuration of flags, file and defaults, in that precedence. A file that was named must exist; the default one
 * need not. Throws ConfigError, which names the file and the path of the key at fault.
 */
export function loadConfig(options: { file?: string; flags?: ConfigFlags; defaultFile?: string } = {}): Config {
  const file = options.file ?? options.defaultFile ?? DEFAULT_CONFIG_FILE;
  const source = readSource(file, options.file !== undefined);
  const flags = options.flags ?? {};
  try {
    return parseConfig(source, flags);
  } catch (error) {
    if (!(error instanceof ConfigError) || source === '') throw error;
    throw new ConfigError('', `${file}: ${error.message}`, { cause: error });
  }
}

/** The configuration that a TOML text and the flags make; what neither names has its default. */
export function parseConfig(source: string, flags: ConfigFlags = {}): Config {
  const raw = withFlags(parseToml(source), flags);
  const config = readShape(schema, raw);
  checkTogether(config);
  return config;
}

function readSource(file: string, required: boolean): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!required && errnoOf(error) === 'ENOENT') return '';
    throw new ConfigError('', `cannot read ${file}: ${errorMessage(error)}`, { cause: error });
  }
}

/** Reads TOML. Throws ConfigError for what is none. */
export function parseToml(source: string): Record<string, unknown> {
  try {
    return parse(source);
  } catch (error) {
    throw new ConfigError('', `not TOML: ${errorMessage(error)}`, { cause: error });
  }
}

function withFlags(raw: Record<string, unknown>, flags: ConfigFlags): Record<string, unknown> {
  const result = { ...raw };
  for (const key of ['listen', 'root', 'state'] as const) {
    if (flags[key] !== undefined) result[key] = flags[key];
  }
  const nest = (table: string, key: string, value: string | undefined): void => {
    if (value === undefined) return;
    const own = result[table] ?? {};
    if (isTable(own)) result[table] = { ...own, [key]: value };
  };
  nest('containerd', 'address', flags.containerd);
  nest('log', 'level', flags.logLevel);
  return result;
}

/** What one setting cannot know about another. */
function checkTogether({ containerd, streaming }: Config): void {
  if (!Object.hasOwn(containerd.runtimes, containerd.default_runtime_name)) {
    throw new ConfigError(
      'containerd.default_runtime_name',
      `there is no table [containerd.runtimes.${containerd.default_runtime_name}]`,
    );
  }
  for (const [name, { pods_per_shim: pods, runtime_type: type }] of Object.entries(containerd.runtimes)) {
    if (pods === 1 || type === RUNC_SHIM) continue;
    throw new ConfigError(
      `containerd.runtimes.${name}.pods_per_shim`,
      `only ${RUNC_SHIM} can have several pods in a shim`,
    );
  }
  if ((streaming.tls_cert_file === '') !== (streaming.tls_key_file === '')) {
    const missing = streaming.tls_cert_file === '' ? 'tls_cert_file' : 'tls_key_file';
    throw new ConfigError(`streaming.${missing}`, 'a certificate and its key are given together or not at all');
  }
  if (!streaming.enable_tls && !LOOPBACK.test(streaming.address)) {
    throw new ConfigError('streaming.address', 'an address that is not a loopback one needs streaming.enable_tls');
  }
}
