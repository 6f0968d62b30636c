import { isIP } from 'node:net';
import { CniError } from './cni-error';
import { atLeast } from './cni-version';
import { asObjects, asString, asStrings, isObject, type JsonObject } from './json-value';

/** What ADD answered, whatever version it was written in. */
export interface CniResult {
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

export interface CniInterface {
  readonly name: string;
  readonly mac: string;
  /** Path of the namespace it is in; empty for one of the host's. */
  readonly sandbox: string;
  readonly mtu?: number;
  readonly socketPath: string;
  readonly pciID: string;
}

export interface CniIp {
  /** Index into `interfaces`; undefined when the plugin did not say. */
  readonly interface?: number;
  /** With prefix length. */
  readonly address: string;
  /** Empty: none. */
  readonly gateway: string;
}

/** `dst` and what else the plugin wrote (`gw`, `mtu`, …). */
export type CniRoute = JsonObject & { readonly dst: string };

export interface CniDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** Interfaces, addresses and routes of a result: each more than a pod can use. All are kept as long as the pod. */
export const MAX_RESULT_ENTRIES = 4096;

/** Reads what ADD printed. `confVersion` is what the result is in when it does not say. Throws a CniError. */
export function parseResult(value: JsonObject, confVersion: string): CniResult {
  const version = asString(value.cniVersion) || confVersion;
  if (!atLeast(version, '0.1.0')) throw new CniError(`the result is in CNI version ${version}, which is not known`);
  const result = atLeast(version, '0.3.0') ? parseCurrent(value) : parseOld(value);
  for (const part of ['interfaces', 'ips', 'routes'] as const) {
    const { length } = result[part];
    if (length > MAX_RESULT_ENTRIES) {
      throw new CniError(`the result has ${length} ${part}, ${MAX_RESULT_ENTRIES} are the limit`);
    }
  }
  return result;
}

function parseCurrent(value: JsonObject): CniResult {
  const interfaces = asObjects(value.interfaces).map(parseInterface);
  const ips = asObjects(value.ips).map((ip) => parseIp(ip, interfaces.length));
  return { interfaces, ips, routes: parseRoutes(value.routes), dns: parseDns(value.dns) };
}

function parseInterface(value: JsonObject): CniInterface {
  return {
    name: asString(value.name),
    mac: asString(value.mac),
    sandbox: asString(value.sandbox),
    ...(typeof value.mtu === 'number' && value.mtu > 0 ? { mtu: value.mtu } : {}),
    socketPath: asString(value.socketPath),
    pciID: asString(value.pciID),
  };
}

function parseIp(value: JsonObject, interfaces: number): CniIp {
  const index = value.interface;
  const ip = { address: checkedCidr(value.address), gateway: asString(value.gateway) };
  if (index === undefined || index === null) return ip;
  // -1 was how "none" was said before 0.3.1.
  if (index === -1) return ip;
  if (typeof index !== 'number' || index < 0 || index >= interfaces) {
    throw new CniError(
      `the result's address ${ip.address} is of interface ${String(index)}, which is not in the result`,
    );
  }
  return { ...ip, interface: index };
}

/** Before 0.3.0 there was one address of each family, with its routes, and no interfaces. */
function parseOld(value: JsonObject): CniResult {
  const families = [value.ip4, value.ip6].filter(isObject);
  return {
    interfaces: [],
    ips: families.map(({ ip, gateway }) => ({ address: checkedCidr(ip), gateway: asString(gateway) })),
    routes: families.flatMap(({ routes }) => parseRoutes(routes)),
    dns: parseDns(value.dns),
  };
}

function parseRoutes(value: unknown): CniRoute[] {
  return asObjects(value).map((route) => ({ ...route, dst: asString(route.dst) }));
}

function parseDns(value: unknown): CniDns {
  if (!isObject(value)) return {};
  const lists = {
    nameservers: asStrings(value.nameservers),
    search: asStrings(value.search),
    options: asStrings(value.options),
  };
  const domain = asString(value.domain);
  return {
    ...(lists.nameservers.length > 0 ? { nameservers: lists.nameservers } : {}),
    ...(domain ? { domain } : {}),
    ...(lists.search.length > 0 ? { search: lists.search } : {}),
    ...(lists.options.length > 0 ? { options: lists.options } : {}),
  };
}

function checkedCidr(value: unknown): string {
  const text = asString(value);
  if (isIP(addressOf(text)) === 0) throw new CniError(`the result has the address "${text}", which is none`);
  return text;
}

/** The address of a CIDR, without its prefix length. */
export function addressOf(cidr: string): string {
  return cidr.split('/', 1)[0] ?? '';
}

/** The result as JSON of `version`, for a plugin or cache that speaks another version than the one that answered. */
export function resultJson(result: CniResult, version: string): JsonObject {
  if (!atLeast(version, '0.3.0')) return oldJson(result, version);
  const ips = result.ips.map(({ address, gateway, interface: index }) => ({
    ...(atLeast(version, '1.0.0') ? {} : { version: familyOf(address) }),
    ...(index === undefined ? {} : { interface: index }),
    address,
    ...(gateway ? { gateway } : {}),
  }));
  const interfaces = result.interfaces.map((one) => ({
    name: one.name,
    ...(one.mac ? { mac: one.mac } : {}),
    ...(one.sandbox ? { sandbox: one.sandbox } : {}),
    ...(atLeast(version, '1.1.0') ? newerMembers(one) : {}),
  }));
  return {
    cniVersion: version,
    ...(interfaces.length > 0 ? { interfaces } : {}),
    ...(ips.length > 0 ? { ips } : {}),
    ...(result.routes.length > 0 ? { routes: result.routes } : {}),
    dns: result.dns,
  };
}

function newerMembers({ mtu, socketPath, pciID }: CniInterface): JsonObject {
  return { ...(mtu ? { mtu } : {}), ...(socketPath ? { socketPath } : {}), ...(pciID ? { pciID } : {}) };
}

function oldJson(result: CniResult, version: string): JsonObject {
  const family = (wanted: '4' | '6'): JsonObject => {
    const ip = result.ips.find(({ address }) => familyOf(address) === wanted);
    if (!ip) return {};
    const routes = result.routes.filter(({ dst }) => familyOf(dst) === wanted);
    const value = {
      ip: ip.address,
      ...(ip.gateway ? { gateway: ip.gateway } : {}),
      ...(routes.length > 0 ? { routes } : {}),
    };
    return { [`ip${wanted}`]: value };
  };
  return { cniVersion: version, ...family('4'), ...family('6'), dns: result.dns };
}

/** `4` or `6`. */
export function familyOf(cidr: string): '4' | '6' {
  return cidr.includes(':') ? '6' : '4';
}
