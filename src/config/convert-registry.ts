import { stringify } from 'smol-toml';
import type { Conversion } from './conversion';
import { isTable } from './setting';

type Table = Record<string, unknown>;

const tableOf = (value: unknown): Table => (isTable(value) ? value : {});

/**
 * Converts the registry section. What stood inline (mirrors, TLS) became a `hosts.toml` per registry long ago: these are
 * printed as remarks, to be put where `registry.config_path` looks. Credentials are never printed.
 */
export function convertRegistry(into: Conversion, registry: Table, path: string): void {
  if (registry.config_path) into.set(['registry', 'config_path'], registry.config_path);
  const { mirrors, configs, auths, headers } = registry;
  const names = new Set([...Object.keys(tableOf(mirrors)), ...Object.keys(tableOf(configs))]);
  for (const name of names) {
    const mirror = tableOf(tableOf(mirrors)[name]);
    const hosts = hostsToml(name, mirror, tableOf(configs));
    if (hosts !== undefined) remark(into, name, hosts);
  }
  const withAuth = Object.entries(tableOf(configs)).filter(([, config]) => tableOf(config).auth !== undefined);
  for (const name of [...withAuth.map(([each]) => each), ...Object.keys(tableOf(auths))]) {
    into.warn(
      `${path} credentials of ${name}`,
      'left out: kubelet sends them with the pull, from a pull secret or plugin',
    );
  }
  if (Object.keys(tableOf(headers)).length > 0) {
    into.warn(`${path}.headers`, 'left out: hosts.toml has headers for each registry');
  }
}

/** The text of a registry's `hosts.toml`; undefined when there is nothing in it. */
function hostsToml(name: string, mirror: Table, configs: Table): string | undefined {
  const endpoints = (Array.isArray(mirror.endpoint) ? mirror.endpoint : []).map(String);
  const hosts = endpoints.length > 0 ? endpoints : [`https://${name}`];
  const entries = hosts.map((url) => [url, tlsOf(tableOf(configs[hostOf(url)]))] as const);
  if (endpoints.length === 0 && entries.every(([, tls]) => Object.keys(tls).length === 0)) return undefined;
  return stringify({ host: Object.fromEntries(entries) });
}

function tlsOf(config: Table): Table {
  const { insecure_skip_verify, ca_file, cert_file, key_file } = tableOf(config.tls);
  return {
    ...(insecure_skip_verify === true && { skip_verify: true }),
    ...(ca_file ? { ca: ca_file } : {}),
    ...(cert_file && key_file ? { client: [[cert_file, key_file]] } : {}),
  };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

function remark(into: Conversion, name: string, text: string): void {
  const dir = name === '*' ? '_default' : name;
  const lines = text.trim().split('\n');
  into.remarks.push(
    `To be put into ${dir}/hosts.toml, in a directory of registry.config_path:`,
    ...lines.map((line) => `  ${line}`),
    '',
  );
}
