import {
  type ContainerConfig,
  CreateContainerRequest,
  type DeepPartial,
  ListPodSandboxResponse,
  RunPodSandboxRequest,
} from '../../../generated/cri/v1/api';
import { stringifyJson } from '../../../src/base/json';
import {
  MAX_ITEMS,
  MAX_MOUNTS,
  MAX_SELECTOR,
  MAX_SETTINGS,
  MAX_VARIABLES,
  RequestLimits,
} from '../../../src/cri/request-limits';
import type { ContainerMetadata } from '../../../src/model/container';
import type { SandboxMetadata } from '../../../src/model/sandbox';
import { passthroughAnnotations } from '../../../src/oci/annotations';
import { containerCapabilities } from '../../../src/oci/capabilities';
import { containerEnv } from '../../../src/oci/env';
import { byDepth } from '../../../src/oci/mounts';
import { MAX_ARGUMENTS } from '../../../src/oci/process-args';
import { labelMatcher } from '../../../src/state/filters';
import { recordLabels } from '../../../src/state/labels';
import {
  encodeContainerMetadata,
  encodeSandboxMetadata,
  parseSandboxMetadata,
  sandboxConfigJson,
} from '../../../src/state/records';
import { leastMs } from '../../support/least-ms';

/**
 * What a request's limits let through must not hold the event loop for long: at each limit, every piece of work that its size
 * decides is done here, and the least processor time of some runs counts. FIGURES=1 prints the times that docs/security.md has.
 */

/**
 * Milliseconds of processor time: twice the 50 that no piece may hold the event loop for. jest runs most of this work at a third of
 * the speed of plain node or less, and processors are slower where all of their cores are busy.
 */
const ALLOWED_MS = 100;

const limits = new RequestLimits();
const some = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
/** So many entries of so many bytes together, keys that share their beginning. */
function map(items: number, bytes: number): Record<string, string> {
  const value = 'v'.repeat(Math.max(0, Math.floor(bytes / items) - 32));
  return Object.fromEntries(some(items, (at) => [`example.com/label-${at}`, value]));
}

const full = map(MAX_ITEMS.items, MAX_ITEMS.bytes);
const podRequest = RunPodSandboxRequest.fromPartial({ config: { labels: full, annotations: full } });
const podBytes = RunPodSandboxRequest.encode(podRequest).finish();
const decoded = RunPodSandboxRequest.decode(podBytes).config;
if (!decoded) throw new Error('the request has no configuration');
const sandbox: SandboxMetadata = {
  id: 'a'.repeat(64),
  name: 'web',
  config: decoded,
  netnsPath: '',
  ip: '',
  additionalIps: [],
  runtimeHandler: '',
  processLabel: '',
};
const journal = Buffer.from(encodeSandboxMetadata(sandbox));

function container(config: DeepPartial<ContainerConfig>): { bytes: Uint8Array; metadata: ContainerMetadata } {
  const request = CreateContainerRequest.fromPartial({ config });
  if (!request.config) throw new Error('the request has no configuration');
  const texts = { imageRef: '', imageDigest: '', imageName: '', logPath: '', stopSignal: '', processLabel: '' };
  return {
    bytes: CreateContainerRequest.encode(request).finish(),
    metadata: { id: 'b', name: 'app', sandboxId: 'a', config: request.config, ...texts },
  };
}

const many = container({
  args: some(MAX_ARGUMENTS - 10, (at) => `argument number ${at}, of sixty-four bytes, like most of paths`),
});
const big = container({ args: some(47, () => 'x'.repeat(131_071)) });
const variables = container({
  envs: some(MAX_VARIABLES.items, (at) => ({ key: `KEY_${at}`, value: Buffer.from('value') })),
});
const mounts = container({
  mounts: some(MAX_MOUNTS.items, (at) => ({
    hostPath: `/var/lib/kubelet/pods/${at}/volume`,
    containerPath: `/a/b/${at}`,
  })),
});
const facts = { capabilities: ['CAP_CHOWN'] };
const selector = Object.fromEntries(Object.entries(full).slice(0, MAX_SELECTOR.items));

const read = (name: 'RunPodSandboxRequest' | 'CreateContainerRequest', bytes: Uint8Array): void => {
  limits.check(name, bytes);
  (name === 'RunPodSandboxRequest' ? RunPodSandboxRequest : CreateContainerRequest).decode(bytes);
};
const write = (metadata: ContainerMetadata): unknown => Buffer.from(encodeContainerMetadata(metadata));

const PIECES: [string, () => unknown][] = [
  ['a pod with full labels and annotations is decoded', () => read('RunPodSandboxRequest', podBytes)],
  ['65,536 arguments are decoded', () => read('CreateContainerRequest', many.bytes)],
  ['6 MiB of arguments are decoded', () => read('CreateContainerRequest', big.bytes)],
  ['16,384 variables are decoded', () => read('CreateContainerRequest', variables.bytes)],
  ['4096 mounts are decoded', () => read('CreateContainerRequest', mounts.bytes)],
  ['full labels are compared with an earlier request', () => stringifyJson(sandboxConfigJson(decoded))],
  ['full labels are written into a record', () => Buffer.from(encodeSandboxMetadata(sandbox))],
  ['full labels are read from a record', () => parseSandboxMetadata(journal)],
  ['full labels become labels of a record', () => recordLabels({ image: full, cri: full, kind: 'sandbox' })],
  [
    'full labels are listed',
    () => ListPodSandboxResponse.encode({ items: [{ ...sandbox, ...decoded, state: 0, createdAt: 0n }] }).finish(),
  ],
  ['65,536 arguments are written into a record', () => write(many.metadata)],
  ['6 MiB of arguments are written into a record', () => write(big.metadata)],
  ['16,384 variables are written into a record', () => write(variables.metadata)],
  [
    '16,384 variables of an image and a request are merged',
    () =>
      containerEnv({
        hostname: 'h',
        imageEnv: some(MAX_VARIABLES.items, (at) => `KEY_${at}=image`),
        envs: variables.metadata.config.envs,
        tty: false,
      }),
  ],
  [
    '4096 mounts are sorted',
    () => byDepth(mounts.metadata.config.mounts.map((mount) => ({ destination: mount.containerPath }) as never)),
  ],
  [
    '8192 annotations are matched with ten patterns',
    () =>
      passthroughAnnotations(
        full,
        some(10, (at) => `*.example-${at}/*`),
        { recursiveReadOnlyMounts: true },
      ),
  ],
  [
    '1024 capabilities are added',
    () =>
      containerCapabilities({
        facts,
        securityContext: {
          capabilities: {
            addCapabilities: some(MAX_SETTINGS.items, (at) => `A${at}`),
            dropCapabilities: [],
            addAmbientCapabilities: some(MAX_SETTINGS.items, (at) => `A${at}`),
          },
        } as never,
      }),
  ],
  [
    'a thousand containers are compared with a full selector',
    () => some(1000, () => full).filter(labelMatcher(selector)).length,
  ],
];

describe('At the limit, the event loop is not held up where', () => {
  it.each(PIECES)('%s', (what, act) => {
    const least = leastMs(ALLOWED_MS, act);
    if (process.env.FIGURES) process.stdout.write(`${least.toFixed(1).padStart(8)} ms  ${what}\n`);
    expect(least).toBeLessThan(ALLOWED_MS);
  });
});
