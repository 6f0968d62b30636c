import * as api from '../../../generated/cri/v1/api';
import { ContainerConfig, ContainerResources, Mount, PodSandboxConfig, Signal } from '../../../generated/cri/v1/api';
import { type JsonMessage, jsonFields } from '../../../generated/cri/v1/json-fields';
import { parseJson, stringifyJson } from '../../../src/base/json/json';
import { atOnce } from '../../../src/base/work/pieces';
import {
  fromGoJson,
  fromGoJsonPieces,
  GoJsonError,
  toGoJson,
  toGoJsonPieces,
  UNKNOWN_KEYS,
} from '../../../src/state/go-json';

const text = (value: unknown): string => stringifyJson(value);

describe('the table of fields', () => {
  it('knows the members of every message as the generated code names them', () => {
    for (const [name, fields] of Object.entries(jsonFields)) {
      const codec = (api as unknown as Record<string, { fromPartial(value: object): object }>)[name];
      const keys = Object.keys(codec?.fromPartial({}) ?? {});
      expect([name, fields.map(({ key }) => key).sort()]).toEqual([name, keys.sort()]);
    }
  });

  it('names only messages that are in it', () => {
    const named = Object.values(jsonFields)
      .flat()
      .flatMap(({ type }) => (typeof type === 'object' && 'message' in type ? [type.message] : []));
    expect(named.filter((name) => !Object.hasOwn(jsonFields, name))).toEqual([]);
  });
});

describe('toGoJson', () => {
  it.each<[string, JsonMessage, object, string]>([
    ['leaves out what is zero', 'ContainerConfig', ContainerConfig.fromPartial({}), '{}'],
    [
      'uses the names of the .proto',
      'ContainerConfig',
      ContainerConfig.fromPartial({ CDIDevices: [{ name: 'vendor.com/gpu=0' }], logPath: 'a/0.log' }),
      '{"log_path":"a/0.log","CDI_devices":[{"name":"vendor.com/gpu=0"}]}',
    ],
    [
      'keeps names that are camel case in the .proto',
      'Mount',
      Mount.fromPartial({ uidMappings: [{ hostId: 0, containerId: 1000, length: 1 }] }),
      '{"uidMappings":[{"container_id":1000,"length":1}]}',
    ],
    [
      'writes enums as numbers',
      'ContainerConfig',
      ContainerConfig.fromPartial({ stopSignal: Signal.SIGKILL }),
      '{"stop_signal":13}',
    ],
    [
      'writes 64-bit integers as plain numbers, to the last digit',
      'ContainerResources',
      ContainerResources.fromPartial({ linux: { memoryLimitInBytes: 9223372036854775807n, cpuQuota: -1n } }),
      '{"linux":{"cpu_quota":-1,"memory_limit_in_bytes":9223372036854775807}}',
    ],
    [
      'writes a message that is set though nothing is in it',
      'PodSandboxConfig',
      PodSandboxConfig.fromPartial({ linux: { securityContext: { runAsUser: {} } } }),
      '{"linux":{"security_context":{"run_as_user":{}}}}',
    ],
    [
      'sorts the keys of maps',
      'PodSandboxConfig',
      PodSandboxConfig.fromPartial({ labels: { b: '2', a: '', c: '3' } }),
      '{"labels":{"a":"","b":"2","c":"3"}}',
    ],
    [
      'keeps zeros in lists',
      'PodSandboxConfig',
      PodSandboxConfig.fromPartial({ linux: { securityContext: { supplementalGroups: [0n, 5n] } } }),
      '{"linux":{"security_context":{"supplemental_groups":[0,5]}}}',
    ],
    [
      'writes the value of an environment variable as text',
      'ContainerConfig',
      ContainerConfig.fromPartial({ envs: [{ key: 'A', value: Buffer.from('ü') }, { key: 'EMPTY' }] }),
      '{"envs":[{"key":"A","value":"ü"},{"key":"EMPTY"}]}',
    ],
    [
      'replaces what is not UTF-8 in such a value',
      'ContainerConfig',
      ContainerConfig.fromPartial({ envs: [{ key: 'A', value: Buffer.from([0x61, 0xff]) }] }),
      '{"envs":[{"key":"A","value":"a\uFFFD"}]}',
    ],
  ])('%s', (_name, message, value, expected) => {
    expect(text(toGoJson(message, value as never))).toBe(expected);
  });

  it('writes environment values as base64 when told so', () => {
    const config = ContainerConfig.fromPartial({ envs: [{ key: 'A', value: Buffer.from([0xff]) }] });
    expect(toGoJson('ContainerConfig', config, { envs: 'base64' })).toEqual({ envs: [{ key: 'A', value: '/w==' }] });
  });
});

describe('fromGoJson', () => {
  it('gives absent fields their zero value', () => {
    expect(fromGoJson('ContainerConfig', {})).toEqual(ContainerConfig.fromPartial({}));
    expect(fromGoJson('PodSandboxConfig', null)).toEqual(PodSandboxConfig.fromPartial({}));
  });

  it('reads null as Go does: nothing', () => {
    const json = { metadata: null, labels: null, port_mappings: null, hostname: null };
    expect(fromGoJson('PodSandboxConfig', json)).toEqual(PodSandboxConfig.fromPartial({}));
  });

  it('keeps every digit of a 64-bit integer', () => {
    const json = parseJson('{"linux":{"memory_limit_in_bytes":9223372036854775807,"oom_score_adj":-998}}');
    expect(fromGoJson('ContainerResources', json).linux).toMatchObject({
      memoryLimitInBytes: 9223372036854775807n,
      oomScoreAdj: -998n,
    });
  });

  it('keeps labels with names that JavaScript objects have', () => {
    const json = parseJson('{"labels":{"__proto__":"x","constructor":"y"}}');
    const labels = fromGoJson('PodSandboxConfig', json).labels;
    expect(Object.entries(labels)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(text(toGoJson('PodSandboxConfig', fromGoJson('PodSandboxConfig', json)))).toBe(
      '{"labels":{"__proto__":"x","constructor":"y"}}',
    );
  });

  it('keeps members it has no field for, at every depth, through a spread and a rewrite', () => {
    const stored =
      '{"metadata":{"name":"a","zone":"b"},"linux":{"resources":{"numa":[1,9007199254740993]}},"future":{"x":1}}';
    const config = fromGoJson('ContainerConfig', parseJson(stored));
    expect(config[UNKNOWN_KEYS as never]).toEqual({ future: { x: 1 } });
    expect(text(toGoJson('ContainerConfig', { ...config, logPath: '' }))).toBe(stored);
  });

  it.each<[string, JsonMessage, unknown, string]>([
    ['a number for a string', 'PodSandboxConfig', { hostname: 1 }, 'PodSandboxConfig.hostname: is not a string'],
    ['a string for a list', 'ContainerConfig', { args: 'x' }, 'ContainerConfig.args: is not a list'],
    ['a list for a message', 'ContainerConfig', { linux: [] }, 'ContainerConfig.linux: is not an object'],
    [
      'a fraction for an integer',
      'LinuxContainerResources',
      { cpu_quota: 1.5 },
      'LinuxContainerResources.cpu_quota: is not an integer',
    ],
    [
      'a wrong member of a list',
      'ContainerConfig',
      { mounts: [{}, { host_path: 1 }] },
      'ContainerConfig.mounts[1].host_path: is not a string',
    ],
  ])('refuses %s and names the field', (_name, message, value, expected) => {
    expect(() => fromGoJson(message, value)).toThrow(
      new GoJsonError(expected.split(': is not ')[0] ?? '', expected.split(': is not ')[1] ?? ''),
    );
  });
});

describe('in pieces', () => {
  const envs = Array.from({ length: 3000 }, (_, at) => ({ key: `K${at}`, value: `v${at}` }));
  const stored = stringifyJson({
    metadata: { name: 'a', zone: 'b' },
    args: ['x', ''],
    envs: [...envs, { key: 'EMPTY' }, { key: 'MORE', value: 'x', future: [9_007_199_254_740_993n] }],
    mounts: [{ host_path: '/a', mount_options: ['b'] }],
    linux: { resources: { memory_limit_in_bytes: 9_223_372_036_854_775_807n } },
    future: { x: 1 },
  });

  it('a message is read and written as at once, members in their order', () => {
    const config = atOnce(fromGoJsonPieces('ContainerConfig', parseJson(stored)));
    expect(config).toEqual(fromGoJson('ContainerConfig', parseJson(stored)));
    expect(text(atOnce(toGoJsonPieces('ContainerConfig', config)))).toBe(stored);
    expect(text(toGoJson('ContainerConfig', config))).toBe(stored);
  });

  it('variables in base64 are known as such', () => {
    const encoded = { envs: envs.map(({ key, value }) => ({ key, value: Buffer.from(value).toString('base64') })) };
    const config = atOnce(fromGoJsonPieces('ContainerConfig', encoded));
    expect(config.envs[2999]).toEqual({ key: 'K2999', value: Buffer.from('v2999') });
    expect(atOnce(toGoJsonPieces('ContainerConfig', config, { envs: 'base64' }))).toEqual(encoded);
  });

  it('a message without anything, or that is none, is what it is at once', () => {
    expect(atOnce(fromGoJsonPieces('ContainerConfig', null))).toEqual(ContainerConfig.fromPartial({}));
    expect(atOnce(toGoJsonPieces('ContainerConfig', ContainerConfig.fromPartial({})))).toEqual({});
    const none = (value: unknown) => () => atOnce(fromGoJsonPieces('ContainerConfig', value));
    expect(none([])).toThrow('ContainerConfig: is not an object');
    expect(none({ args: 'x' })).toThrow('ContainerConfig.args: is not a list');
  });

  it('a wrong item of a list is named', () => {
    const wrong = { envs: [...envs, { key: 'A', value: 1 }] };
    expect(() => atOnce(fromGoJsonPieces('ContainerConfig', wrong))).toThrow(
      'ContainerConfig.envs[3000].value: is not a string',
    );
  });
});

describe('the form of environment values', () => {
  const valuesOf = (envs: unknown): string[] =>
    fromGoJson('ContainerConfig', { envs }).envs.map(({ value }) => value.toString());

  it.each([
    [
      'text, as every release of containerd writes it',
      [
        { key: 'A', value: '10.96.0.1' },
        { key: 'B', value: 'dGV4dA==' },
      ],
      ['10.96.0.1', 'dGV4dA=='],
    ],
    [
      'base64, when all values are',
      [{ key: 'A', value: 'MTAuOTYuMC4x' }, { key: 'B', value: 'dGV4dA==' }, { key: 'C' }],
      ['10.96.0.1', 'text', ''],
    ],
    ['text that looks like base64 but would not be text then', [{ key: 'A', value: 'true' }], ['true']],
    ['values that are all empty', [{ key: 'A' }, { key: 'B', value: '' }], ['', '']],
    ['a padding that is not canonical', [{ key: 'A', value: 'dGV4dB==' }], ['dGV4dB==']],
  ])('is found out: %s', (_name, envs, expected) => {
    expect(valuesOf(envs)).toEqual(expected);
  });

  it('is not guessed when it is said', () => {
    const json = { envs: [{ key: 'A', value: 'dGV4dA==' }] };
    expect(fromGoJson('ContainerConfig', json, { envs: 'string' }).envs[0]?.value.toString()).toBe('dGV4dA==');
    expect(fromGoJson('ContainerConfig', json, { envs: 'base64' }).envs[0]?.value.toString()).toBe('text');
  });
});
