import {
  type ContainerConfig,
  CreateContainerRequest,
  type DeepPartial,
  ListPodSandboxResponse,
  RunPodSandboxRequest,
} from '../../generated/cri/v1/api';
import { stringifyJson } from '../../src/base/json/json';
import { atOnce, type Pieces } from '../../src/base/work/pieces';
import {
  MAX_ITEMS,
  MAX_MOUNTS,
  MAX_SELECTOR,
  MAX_SETTINGS,
  MAX_VARIABLES,
  RequestLimits,
} from '../../src/cri/request-limits';
import { readRequest } from '../../src/cri/request-reader';
import type { ContainerMetadata } from '../../src/model/container';
import type { SandboxMetadata } from '../../src/model/sandbox';
import { passthroughAnnotations } from '../../src/oci/annotations';
import { byDepth } from '../../src/oci/mounts';
import { containerEnv } from '../../src/oci/process/env';
import { MAX_ARGUMENTS } from '../../src/oci/process/process-args';
import { containerCapabilities } from '../../src/oci/security/capabilities';
import { labelMatcher } from '../../src/state/filters';
import { recordLabels } from '../../src/state/labels';
import {
  containerConfigJson,
  containerMetadataExtension,
  encodeSandboxMetadata,
  parseContainerMetadata,
  parseSandboxMetadata,
  sandboxConfigJson,
} from '../../src/state/records';
import { leastOf, workedMs } from './least-ms';

/** One thing that is done, at once or in pieces. */
export type Act = () => unknown | Pieces<unknown>;

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
/** So many variables of 87 bytes, with their pointers, are all that Linux takes. Those of kubelet's services are shorter. */
const variables = (value: string): ReturnType<typeof container> =>
  container({
    envs: some(MAX_VARIABLES.items, (at) => ({ key: `KEY_${at}`, value: Buffer.from(value) })),
  });
const ascii = variables('value '.repeat(12));
const wide = variables('ü漢\ufffd'.repeat(8));
const control = variables('\u0001"'.repeat(35));
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
  readRequest<unknown>(name === 'RunPodSandboxRequest' ? RunPodSandboxRequest : CreateContainerRequest, bytes);
};
const write = (metadata: ContainerMetadata): Pieces<unknown> => containerMetadataExtension(metadata);
const stored = (metadata: ContainerMetadata): Buffer => atOnce(containerMetadataExtension(metadata)).value;
const merged = ({ metadata }: ReturnType<typeof container>): Pieces<unknown> =>
  containerEnv({
    hostname: 'h',
    imageEnv: some(MAX_VARIABLES.items, (at) => `IMAGE_${at}=image`),
    envs: metadata.config.envs,
    tty: false,
  });
const [asciiRecord, wideRecord] = [stored(ascii.metadata), stored(wide.metadata)];

/** At each limit of a request, every piece of work that its size decides, with what is done in it. */
export const PIECES: [string, Act][] = [
  ['a pod with full labels and annotations is decoded', () => read('RunPodSandboxRequest', podBytes)],
  ['65,536 arguments are decoded', () => read('CreateContainerRequest', many.bytes)],
  ['6 MiB of arguments are decoded', () => read('CreateContainerRequest', big.bytes)],
  ['65,536 variables are decoded', () => read('CreateContainerRequest', ascii.bytes)],
  ['65,536 variables that are not ASCII are decoded', () => read('CreateContainerRequest', wide.bytes)],
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
  ['65,536 variables become JSON', () => containerConfigJson(ascii.metadata.config)],
  ['65,536 variables that are not ASCII become JSON', () => containerConfigJson(wide.metadata.config)],
  ['65,536 variables are written into a record', () => write(ascii.metadata)],
  ['65,536 variables that are not ASCII are written into a record', () => write(wide.metadata)],
  ['65,536 variables of control characters are written into a record', () => write(control.metadata)],
  ['65,536 variables are read from a record', () => parseContainerMetadata(asciiRecord)],
  ['65,536 variables that are not ASCII are read from a record', () => parseContainerMetadata(wideRecord)],
  ['65,536 variables of an image and a request are merged', () => merged(ascii)],
  ['65,536 variables of an image and others that are not ASCII are merged', () => merged(wide)],
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

/**
 * The longest piece of some work, in milliseconds of processor time: the least of some runs, since machines are shared. It is done
 * again until that is less than `limitMs`, for 20 s at most.
 */
export function longestPiece(act: Act, limitMs = Number.POSITIVE_INFINITY): number {
  return leastOf(limitMs, () => longest(act));
}

function longest(act: Act): number {
  let most = 0;
  const timed = <T>(go: () => T): T => {
    const before = workedMs();
    const answer = go();
    most = Math.max(most, workedMs() - before);
    return answer;
  };
  const work = timed(act);
  if (isPieces(work)) while (!timed(() => work.next()).done);
  return most;
}

function isPieces(work: unknown): work is Pieces<unknown> {
  return typeof work === 'object' && work !== null && Symbol.iterator in work && 'next' in work;
}
