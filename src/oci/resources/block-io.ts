import { goList, goMap, goStruct, readAsGo } from '../../base/json/go-fields';
import { parseQuantity } from '../../base/quantity';
import type { SpecBlockIo } from '../../model/spec';
import { parseYaml } from '../cdi/cdi-yaml';
import { asTable } from './resource-classes';

/** What a class says of some devices, or, without devices, of all others. */
export interface BlockIoRule {
  /** Globs of device nodes, or of links to them. */
  readonly devices?: readonly string[];
  /** 10 to 1000; for the schedulers bfq and cfq. */
  readonly weight?: number;
  /** Bytes or operations a second. */
  readonly rates: Readonly<Partial<Record<RateKey, bigint>>>;
}

/** A block device of the host. */
export interface BlockDevice {
  readonly major: number;
  readonly minor: number;
}

type RateKey = (typeof RATES)[number][1];

/** Names in the configuration file, and in the spec. */
const RATES = [
  ['ThrottleReadBps', 'throttleReadBpsDevice'],
  ['ThrottleWriteBps', 'throttleWriteBpsDevice'],
  ['ThrottleReadIOPS', 'throttleReadIOPSDevice'],
  ['ThrottleWriteIOPS', 'throttleWriteIOPSDevice'],
] as const;
const KNOWN = new Set<string>(['Devices', 'Weight', ...RATES.map(([name]) => name)]);
/** A file as goresctrl, which containerd reads it with, declares it. */
const FILE_SHAPE = goStruct('', { Classes: goMap(goList(goStruct([...KNOWN].join(' ')))) });
const WEIGHTS = { min: 10n, max: 1000n };

/**
 * The classes of a block I/O configuration file, in the format that containerd's `blockio_config_file` has. Throws an
 * Error that names what is wrong.
 */
export function parseBlockIoClasses(text: string): ReadonlyMap<string, readonly BlockIoRule[]> {
  const { Classes: classes, ...rest } = asTable(readAsGo(parseYaml(text) ?? {}, FILE_SHAPE), 'the file');
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Error(`${unknown}: unknown key`);
  return new Map(
    Object.entries(asTable(classes ?? {}, 'Classes')).map(([name, rules]) => {
      const path = `Classes.${name}`;
      if (!Array.isArray(rules)) throw new Error(`${path}: is no list`);
      return [name, rules.map((rule, at) => readRule(asTable(rule, `${path}[${at}]`), `${path}[${at}]`))];
    }),
  );
}

function readRule(table: Record<string, unknown>, path: string): BlockIoRule {
  const unknown = Object.keys(table).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw new Error(`${path}.${unknown}: unknown key`);
  const devices = table.Devices;
  if (devices !== undefined && !(Array.isArray(devices) && devices.every((each) => typeof each === 'string')))
    throw new Error(`${path}.Devices: is no list of paths`);
  const weight = quantity(table, 'Weight', path, WEIGHTS);
  const rates = RATES.flatMap(([name, key]) => {
    const rate = quantity(table, name, path, { min: 0n });
    if (rate !== undefined && devices === undefined) throw new Error(`${path}.${name}: needs Devices`);
    return rate === undefined ? [] : [[key, rate]];
  });
  const weighed = weight === undefined ? {} : { weight: Number(weight) };
  return { ...(devices ? { devices: devices as string[] } : {}), ...weighed, rates: Object.fromEntries(rates) };
}

function quantity(
  table: Record<string, unknown>,
  key: string,
  path: string,
  { min, max }: { min: bigint; max?: bigint },
): bigint | undefined {
  const raw = table[key] ?? '';
  if (raw === '') return undefined;
  const value = parseQuantity(String(raw));
  if (value === undefined) throw new Error(`${path}.${key}: ${JSON.stringify(raw)} is no quantity`);
  if (value < min || (max !== undefined && value > max)) throw new Error(`${path}.${key}: ${value} is out of range`);
  return value;
}

/** A class as the spec has it; `devicesOf` tells what the globs of a rule match now. Later rules win for a device. */
export function blockIo(
  rules: readonly BlockIoRule[],
  devicesOf: (patterns: readonly string[]) => readonly BlockDevice[],
): SpecBlockIo {
  const weights = new Map<string, BlockDevice & { weight: number }>();
  const rates = new Map(RATES.map(([, key]) => [key, new Map<string, BlockDevice & { rate: bigint }>()]));
  let weight: number | undefined;
  for (const rule of rules) {
    if (!rule.devices) weight = rule.weight ?? weight;
    for (const { major, minor } of devicesOf(rule.devices ?? [])) {
      const at = `${major}:${minor}`;
      if (rule.weight !== undefined) weights.set(at, { major, minor, weight: rule.weight });
      for (const [key, rate] of Object.entries(rule.rates)) rates.get(key as RateKey)?.set(at, { major, minor, rate });
    }
  }
  const throttles = [...rates]
    .filter(([, devices]) => devices.size > 0)
    .map(([key, devices]) => [key, [...devices.values()]]);
  return {
    ...(weight !== undefined && { weight }),
    ...(weights.size > 0 && { weightDevice: [...weights.values()] }),
    ...Object.fromEntries(throttles),
  };
}
