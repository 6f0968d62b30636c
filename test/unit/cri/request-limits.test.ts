import { BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  CreateContainerRequest,
  type DeepPartial,
  ExecSyncRequest,
  ListContainersRequest,
  ListPodSandboxRequest,
  RunPodSandboxRequest,
} from '../../../generated/cri/v1/api';
import type { JsonMessage } from '../../../generated/cri/v1/json-fields';
import {
  MAX_ARGUMENTS,
  MAX_FIELDS,
  MAX_GROUPS,
  MAX_ID_MAPPINGS,
  MAX_ITEMS,
  MAX_MOUNTS,
  MAX_SELECTOR,
  MAX_SETTINGS,
  MAX_TEXT_BYTES,
  MAX_VARIABLES,
  RequestLimits,
} from '../../../src/cri/request-limits';
import { Code } from '../../../src/rpc/code';
import { leastMs } from '../../support/least-ms';

const limits = new RequestLimits();

/** Why a request is refused; undefined when it is not. */
function problem(name: JsonMessage, bytes: Uint8Array): string | undefined {
  try {
    limits.check(name, bytes);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: Code.INVALID_ARGUMENT });
    return (error as Error).message;
  }
}

const pod = (config: DeepPartial<NonNullable<RunPodSandboxRequest['config']>>): string | undefined =>
  problem('RunPodSandboxRequest', RunPodSandboxRequest.encode(RunPodSandboxRequest.fromPartial({ config })).finish());
const container = (config: DeepPartial<NonNullable<CreateContainerRequest['config']>>): string | undefined =>
  problem(
    'CreateContainerRequest',
    CreateContainerRequest.encode(CreateContainerRequest.fromPartial({ config })).finish(),
  );
const some = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const pairs = (count: number): Record<string, string> => Object.fromEntries(some(count, (at) => [`k${at}`, '']));

describe('At its limit, and one above it, is', () => {
  const groups = (count: number) => ({ linux: { securityContext: { supplementalGroups: some(count, BigInt) } } });
  it.each<[string, number, (count: number) => string | undefined]>([
    ['config.labels', MAX_ITEMS.items, (count) => pod({ labels: pairs(count) })],
    ['config.annotations', MAX_ITEMS.items, (count) => pod({ annotations: pairs(count) })],
    ['config.labels', MAX_ITEMS.items, (count) => container({ labels: pairs(count) })],
    ['config.port_mappings', MAX_ITEMS.items, (count) => pod({ portMappings: some(count, () => ({})) })],
    [
      'config.dns_config.searches',
      MAX_ITEMS.items,
      (count) => pod({ dnsConfig: { searches: some(count, () => 'a') } }),
    ],
    ['config.linux.sysctls', MAX_SETTINGS.items, (count) => pod({ linux: { sysctls: pairs(count) } })],
    ['config.envs', MAX_VARIABLES.items, (count) => container({ envs: some(count, (at) => ({ key: `k${at}` })) })],
    ['config.mounts', MAX_MOUNTS.items, (count) => container({ mounts: some(count, () => ({ readonly: true })) })],
    ['config.devices', MAX_SETTINGS.items, (count) => container({ devices: some(count, () => ({})) })],
    ['config.CDI_devices', MAX_SETTINGS.items, (count) => container({ CDIDevices: some(count, () => ({})) })],
    [
      'config.linux.resources.unified',
      MAX_SETTINGS.items,
      (count) => container({ linux: { resources: { unified: pairs(count) } } }),
    ],
    ['config.linux.security_context.supplemental_groups', MAX_GROUPS.items, (count) => container(groups(count))],
    [
      'config.mounts[1].uidMappings',
      MAX_ID_MAPPINGS.items,
      (count) => container({ mounts: [{}, { uidMappings: some(count, () => ({ length: 1 })) }] }),
    ],
  ])('%s: %i entries', (field, limit, refused) => {
    expect(refused(limit)).toBeUndefined();
    expect(refused(limit + 1)).toBe(`${field}: has more than ${limit} entries`);
  });

  it('a label selector, in each list', () => {
    const list = (count: number) => ({ filter: { labelSelector: pairs(count) } });
    const containers = (count: number) =>
      problem(
        'ListContainersRequest',
        ListContainersRequest.encode(ListContainersRequest.fromPartial(list(count))).finish(),
      );
    const pods = (count: number) =>
      problem(
        'ListPodSandboxRequest',
        ListPodSandboxRequest.encode(ListPodSandboxRequest.fromPartial(list(count))).finish(),
      );
    for (const refused of [containers, pods]) {
      expect(refused(MAX_SELECTOR.items)).toBeUndefined();
      expect(refused(MAX_SELECTOR.items + 1)).toBe(
        `filter.label_selector: has more than ${MAX_SELECTOR.items} entries`,
      );
    }
  });

  it('the bytes of labels together', () => {
    // An entry has its key and its value, each behind its tag and its length.
    const labels = (bytes: number) => pod({ labels: { a: 'x'.repeat(bytes - 7) } });
    expect(labels(MAX_ITEMS.bytes)).toBeUndefined();
    expect(labels(MAX_ITEMS.bytes + 1)).toBe(`config.labels: has more than ${MAX_ITEMS.bytes} bytes`);
  });

  it('the bytes of arguments together, also of a command in a container', () => {
    const words = (bytes: number) => some(6, (at) => 'x'.repeat(bytes / 6 + (at === 0 ? bytes % 6 : 0)));
    const exec = (bytes: number) =>
      problem('ExecSyncRequest', ExecSyncRequest.encode(ExecSyncRequest.fromPartial({ cmd: words(bytes) })).finish());
    expect(container({ args: words(MAX_ARGUMENTS.bytes) })).toBeUndefined();
    expect(exec(MAX_ARGUMENTS.bytes)).toBeUndefined();
    expect(container({ args: words(MAX_ARGUMENTS.bytes + 6) })).toBe(
      `config.args: has more than ${MAX_ARGUMENTS.bytes} bytes`,
    );
    expect(exec(MAX_ARGUMENTS.bytes + 6)).toBe(`cmd: has more than ${MAX_ARGUMENTS.bytes} bytes`);
  });

  it('the bytes of variables together, each with its key, its value, and what says how long they are', () => {
    const envs = (bytes: number) =>
      container({ envs: some(6, () => ({ key: 'k', value: Buffer.alloc(bytes / 6 - 7) })) });
    expect(envs(MAX_VARIABLES.bytes)).toBeUndefined();
    expect(envs(MAX_VARIABLES.bytes + 6)).toBe(`config.envs: has more than ${MAX_VARIABLES.bytes} bytes`);
  });

  it('one text', () => {
    expect(pod({ hostname: 'h'.repeat(MAX_TEXT_BYTES) })).toBeUndefined();
    expect(pod({ hostname: 'h'.repeat(MAX_TEXT_BYTES + 1) })).toBe(
      `config.hostname: has more than ${MAX_TEXT_BYTES} bytes`,
    );
  });

  it('all fields of a request together, known or not', () => {
    const unknown = (count: number) => {
      const writer = new BinaryWriter();
      for (let i = 0; i < count; i++) writer.uint32(1000 << 3).uint32(0);
      return problem('VersionRequest', writer.finish());
    };
    expect(unknown(MAX_FIELDS)).toBeUndefined();
    expect(unknown(MAX_FIELDS + 1)).toBe(`the request: has more than ${MAX_FIELDS} fields`);
  });
});

it('What an entry of a map has beside its key and its value counts as fields', () => {
  const keys = (count: number) => {
    const writer = new BinaryWriter();
    writer.uint32(10).fork().uint32(50).fork();
    for (let i = 0; i < count; i++) writer.uint32(10).string('');
    return problem('RunPodSandboxRequest', writer.join().join().finish());
  };
  // The configuration and its one label are fields, too.
  expect(keys(MAX_FIELDS)).toBeUndefined();
  expect(keys(MAX_FIELDS + 1)).toBe(`the request: has more than ${MAX_FIELDS} fields`);
});

it('What a variable has beside its key and its value counts as fields', () => {
  const values = (count: number) => {
    const writer = new BinaryWriter();
    writer.uint32(18).fork().uint32(50).fork();
    for (let i = 0; i < count; i++) writer.uint32(18).string('');
    return problem('CreateContainerRequest', writer.join().join().finish());
  };
  // The configuration and its one variable are fields, too.
  expect(values(MAX_FIELDS)).toBeUndefined();
  expect(values(MAX_FIELDS + 1)).toBe(`the request: has more than ${MAX_FIELDS} fields`);
});

it('As many variables as there may be leave room for the rest of a request', () => {
  const envs = (count: number) =>
    container({
      annotations: pairs(MAX_ITEMS.items),
      mounts: some(1000, () => ({ hostPath: '/a', containerPath: '/b' })),
      envs: some(count, (at) => ({ key: `k${at}`, value: Buffer.from('v') })),
    });
  expect(envs(MAX_VARIABLES.items)).toBeUndefined();
  expect(envs(MAX_VARIABLES.items + 1)).toBe(`config.envs: has more than ${MAX_VARIABLES.items} entries`);
});

describe('Legit, and let through, are', () => {
  it.each<[string, string | undefined]>([
    [
      '64 KiB of labels of eight bytes',
      pod({ labels: Object.fromEntries(some(8192, (at) => [at.toString(36).padStart(4, '-'), 'word'])) }),
    ],
    ['annotations of 256 KiB', pod({ annotations: { a: 'x'.repeat(256 * 1024) } })],
    ['32 arguments of 128 KiB', container({ args: some(32, () => 'x'.repeat(131_071)) })],
    [
      'the variables of 5000 services, which kubelet gives each container of their namespace',
      container({
        labels: pairs(20),
        annotations: pairs(20),
        mounts: some(100, () => ({ hostPath: '/a', containerPath: '/b' })),
        envs: some(40_000, (at) => ({ key: `SERVICE_${at}_PORT_80_TCP`, value: Buffer.from('tcp://10.0.0.1:80') })),
      }),
    ],
    ['65,536 arguments of 64 bytes, which are 4 MiB', container({ args: some(65_536, () => 'x'.repeat(64)) })],
  ])('%s', (_what, refused) => {
    expect(refused).toBeUndefined();
  });
});

describe('No message of protobuf is', () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  it.each<[string, Uint8Array]>([
    ['a text that ends behind the request', bytes(0x0a, 5, 1)],
    ['a tag that does not end', bytes(0xff, 0xff)],
    ['a varint of eleven bytes', bytes(0x08, ...some(10, () => 0x80), 1)],
    ['a group, whose end would end the message', bytes(0x0b, 0x0c)],
    ['the end of a group', bytes(0x0c)],
    ['a field of number 0', bytes(0x00, 0x00)],
    ['a field whose number is field 1 in its lower 32 bits', bytes(0x8a, 0x80, 0x80, 0x80, 0x10, 0)],
    ['a wire type that does not exist', bytes(0x0f)],
    ['a message inside that ends behind it', bytes(0x0a, 2, 0x0a, 5, 1, 1, 1, 1, 1)],
  ])('%s', (_what, request) => {
    expect(problem('RunPodSandboxRequest', request)).toBe('the request: is no message of protobuf');
  });
});

it('A million labels are refused at once, and before they are decoded', () => {
  const writer = new BinaryWriter();
  writer.uint32(10).fork();
  for (let i = 0; i < 1_000_000; i++) writer.uint32(50).fork().uint32(10).string(`k${i}`).join();
  const request = writer.join().finish();
  const refused = `config.labels: has more than ${MAX_ITEMS.items} entries`;
  const least = leastMs(50, () => expect(problem('RunPodSandboxRequest', request)).toBe(refused));
  expect(least).toBeLessThan(50);
});
