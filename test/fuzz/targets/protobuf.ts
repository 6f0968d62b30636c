import { ContainersDefinition } from '../../../generated/containerd/services/containers/v1/containers';
import { ImagesDefinition } from '../../../generated/containerd/services/images/v1/images';
import { TasksDefinition } from '../../../generated/containerd/services/tasks/v1/tasks';
import { ImageServiceDefinition, RunPodSandboxRequest, RuntimeServiceDefinition } from '../../../generated/cri/v1/api';
import { decodeEvent } from '../../../src/containerd/events';
import { statusIn } from '../../../src/rpc/call-status';
import { deserializer } from '../../../src/rpc/codec';
import { RpcError } from '../../../src/rpc/rpc-error';
import type { ServiceDefinition } from '../../../src/rpc/service';
import { latin } from '../input';
import { COMMON_TOKENS, either, type Target } from '../target';

const SERVICES: readonly ServiceDefinition[] = [
  ...[RuntimeServiceDefinition, ImageServiceDefinition, ContainersDefinition, ImagesDefinition, TasksDefinition],
];
const READERS = SERVICES.flatMap(({ methods }) =>
  Object.values(methods).flatMap(({ requestType, responseType }) => [
    deserializer(requestType),
    deserializer(responseType),
  ]),
);

const RUN_POD = RunPodSandboxRequest.encode(
  RunPodSandboxRequest.fromPartial({
    config: {
      metadata: { name: 'web', uid: 'u', namespace: 'default' },
      hostname: 'web',
      labels: { a: 'b' },
      linux: {},
    },
  }),
).finish();

/** A group that is opened; a message within a message; a number without an end. */
const WIRE = [
  '\x0b',
  '\x0c',
  '\x0a\x7f',
  '\x0a\x02',
  '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
  '\xff\xff\xff\xff\x0f',
  '\x08\x01',
  '\x12\0',
  '\0',
];
const EVENTS = ['TaskExit', 'TaskOOM', 'TaskStart', 'TaskDelete'];

const messages: Target = {
  name: 'rpc/messages',
  mibMs: 300,
  seeds: [`\x02${latin(RUN_POD)}`, '\0', '\x10\x08\x01\x12\x04\x0a\x02id'],
  tokens: [...COMMON_TOKENS, ...WIRE, '\x0a\x09__proto__\x12\0'],
  refuses: either(RpcError),
  read(bytes) {
    const read = READERS[(bytes[0] ?? 0) % READERS.length];
    read?.(bytes.subarray(1));
  },
};

const events: Target = {
  name: 'containerd/events',
  seeds: ['\0\x0a\x01a\x18\x05', '\x01\x0a\x01a'],
  tokens: [...COMMON_TOKENS, ...WIRE],
  // A stream of events that breaks off is begun anew: any error of the decoder will do.
  refuses: (thrown) =>
    typeof thrown === 'object' && thrown !== null && 'name' in thrown && /^(Range)?Error$/.test(String(thrown.name)),
  read(bytes) {
    const typeUrl = `types.containerd.io/containerd.events.${EVENTS[(bytes[0] ?? 0) % EVENTS.length]}`;
    decodeEvent({ typeUrl, value: bytes.subarray(1) });
  },
};

/** What another side says of how a call ended. */
const statuses: Target = {
  name: 'rpc/statuses',
  seeds: ['not found', 'a%20b', latin('größer'), '%', '%ff%fe'],
  tokens: [...COMMON_TOKENS, '%', '%e4%b8', '%2'],
  most: 64 << 10,
  read(bytes) {
    const text = bytes.toString('latin1');
    statusIn({ 'grpc-status': text, 'grpc-message': text });
  },
};

export const PROTOBUF: readonly Target[] = [messages, events, statuses];
