import { readdir } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { errnoOf, errorMessage } from '../base/errors';
import { parseForeignJson } from '../base/json/foreign-json';
import { readAsGo } from '../base/json/go-fields';
import { stringifyJson } from '../base/json/json';
import { isOddEntry, readRegularFile } from '../base/regular-file';
import { CniError } from './cni-error';
import { newestKnown } from './cni-version';
import { NETWORK_LIST, PLUGIN_CONF } from './document-shapes';
import { asObjects, asString, asStrings, isObject, type JsonObject } from './json-value';

/** One plugin of a network: its configuration as it stands in the file, what CNI itself defines under its own key. */
export interface PluginConfig {
  readonly type: string;
  readonly conf: JsonObject;
}

/** A network: a list of plugins, called one after another. */
export interface NetworkConfig {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly plugins: readonly PluginConfig[];
  /** The list as JSON, as it is kept for DEL. */
  readonly bytes: Buffer;
  /** Where it came from; empty when it is out of the cache or built in. */
  readonly file: string;
}

/** Also what a network's name may be made of, since it becomes part of a file's name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const EXTENSIONS = ['.conflist', '.conf', '.json'];

/** The loopback interface as a network, for hosts where the plugin is to bring it up; the version is the one the plugin used. */
export const LOOPBACK_NETWORK: NetworkConfig = parseNetworkList(
  Buffer.from('{"cniVersion":"0.3.1","name":"cni-loopback","plugins":[{"type":"loopback"}]}'),
);

/** True for the name of a file that may hold a network configuration. */
export function isConfigFile(name: string): boolean {
  return EXTENSIONS.includes(extname(name));
}

/** Hears of an entry that is passed over, and why. */
export type PassOver = (file: string, problem: string) => void;

/**
 * The networks of a directory: its first `max` files (0: all) in the order of their names. Entries that hold no
 * configuration (links that lead nowhere, directories, FIFOs, files that may not be read) are passed over. Rejects with a
 * CniError that names the file when one of these files cannot be used: to skip it would connect pods to another network
 * than was meant.
 */
export async function loadNetworks(
  dir: string,
  max: number,
  passOver: PassOver = () => undefined,
): Promise<NetworkConfig[]> {
  const networks: NetworkConfig[] = [];
  for (const name of (await filesOf(dir)).filter(isConfigFile).sort()) {
    const network = await loadNetwork(join(dir, name), passOver);
    const twice = networks.some((other) => other.name === network?.name);
    if (network && twice) throw new CniError(`${network.file}: another file has a network "${network.name}" too`);
    if (network) networks.push(network);
    if (networks.length === max) break;
  }
  return networks;
}

async function loadNetwork(file: string, passOver: PassOver): Promise<NetworkConfig | undefined> {
  const bytes = await readEntry(file, passOver);
  if (!bytes) return undefined;
  try {
    const list = file.endsWith('.conflist') ? bytes : wrapped(bytes);
    return parseNetworkList(await withPluginFiles(list, file), file);
  } catch (error) {
    throw new CniError(`${file}: ${errorMessage(error)}`);
  }
}

async function readEntry(file: string, passOver: PassOver): Promise<Buffer | undefined> {
  try {
    return await readRegularFile(file);
  } catch (error) {
    if (!isOddEntry(error)) throw new CniError(`${file}: ${errorMessage(error)}`);
    passOver(file, errorMessage(error));
    return undefined;
  }
}

/** Reads a configuration list. Throws a CniError that says what is wrong with it. */
export function parseNetworkList(bytes: Buffer, file = ''): NetworkConfig {
  const list = readAsGo(parseForeignJson(bytes.toString('utf8')), NETWORK_LIST);
  if (!isObject(list)) throw new CniError('is not a JSON object');
  const name = asString(list.name);
  if (!NAME.test(name))
    throw new CniError(`name "${name}" is missing or has other characters than letters, digits, _ . -`);
  const plugins = asObjects(list.plugins);
  if (plugins.length === 0) throw new CniError('has no plugins');
  return {
    name,
    cniVersion: versionOf(list),
    disableCheck: isTrue(list.disableCheck),
    disableGC: isTrue(list.disableGC),
    plugins: plugins.map(pluginOf),
    bytes,
    file,
  };
}

/** The network in the shape of the plugin's verbose status: the texts, and of each plugin what every runtime knows. */
export function networkJson(network: NetworkConfig): unknown {
  return {
    Name: network.name,
    CNIVersion: network.cniVersion,
    Plugins: network.plugins.map(({ type, conf }) => ({
      Network: {
        type,
        ...(isObject(conf.capabilities) ? { capabilities: conf.capabilities } : {}),
        ipam: isObject(conf.ipam) && conf.ipam.type ? { type: conf.ipam.type } : {},
      },
      Source: stringifyJson(conf),
    })),
    Source: network.bytes.toString('utf8'),
  };
}

function pluginOf(conf: JsonObject, index: number): PluginConfig {
  const type = asString(conf.type);
  if (type === '') throw new CniError(`plugins[${index}] has no type`);
  return { type, conf };
}

/** A version may be missing (the first one is meant), or be the newest that we know of several (1.1.0's `cniVersions`). */
function versionOf(list: JsonObject): string {
  const versions = [asString(list.cniVersion), ...asStrings(list.cniVersions)].filter(Boolean);
  if (versions.length === 0) return '0.1.0';
  const version = newestKnown(versions);
  if (!version) throw new CniError(`cniVersion ${versions.join(', ')} is not one we know`);
  return version;
}

/** The specification says boolean; files with the string "true" exist and are accepted. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

/** A single plugin's configuration as a list of one. */
function wrapped(bytes: Buffer): Buffer {
  const conf = readAsGo(parseForeignJson(bytes.toString('utf8')), PLUGIN_CONF);
  if (!isObject(conf)) throw new CniError('is not a JSON object');
  if (!conf.type) throw new CniError('has no type; a list of plugins belongs into a .conflist file');
  return Buffer.from(stringifyJson({ name: conf.name, cniVersion: conf.cniVersion, plugins: [conf] }));
}

/**
 * From 1.1.0 on a list also has the plugins in the `.conf` files of the directory named as the network, beside it. None of
 * these is passed over: without one of its plugins it is another network.
 */
async function withPluginFiles(bytes: Buffer, file: string): Promise<Buffer> {
  const list = readAsGo(parseForeignJson(bytes.toString('utf8')), NETWORK_LIST);
  if (!isObject(list) || isTrue(list.loadOnlyInlinedPlugins) || !NAME.test(asString(list.name))) return bytes;
  const dir = join(dirname(file), asString(list.name));
  const names = (await filesOf(dir)).filter((name) => name.endsWith('.conf')).sort();
  if (names.length === 0) return bytes;
  const more = await Promise.all(
    names.map(async (name) => parseForeignJson((await readRegularFile(join(dir, name))).toString())),
  );
  return Buffer.from(stringifyJson({ ...list, plugins: [...asObjects(list.plugins), ...more] }));
}

async function filesOf(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir, { withFileTypes: true }))
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
