import fc from 'fast-check';
import {
  ContainerStatusResponse,
  CreateContainerRequest,
  ListContainersResponse,
  PodSandboxStatusResponse,
  RunPodSandboxRequest,
} from '../../../generated/cri/v1/api';
import { containerStatus } from '../../../src/cri/container/container-status';
import { createContainer } from '../../../src/cri/container/create-container';
import { listContainers } from '../../../src/cri/container/list-containers';
import { podSandboxStatus } from '../../../src/cri/sandbox/pod-sandbox-status';
import { runPodSandbox } from '../../../src/cri/sandbox/run-pod-sandbox';
import { CONTAINER_EXTENSION, SANDBOX_EXTENSION } from '../../../src/state/records';
import { askAndRecover } from '../../support/ask-and-recover';
import { containerRequest, podRequest } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { removeAll } from '../../support/use-rig';

type Entries = [string, string][];

/** Names that objects have of their own, numbers, which objects put first, and any text. */
const key = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__', '0', ''),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);
const value = fc.oneof(fc.constantFrom('__proto__', '', '12345678901234567890'), fc.string({ unit: 'grapheme' }));
const map: fc.Arbitrary<Entries> = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 8 });

const sorted = (entries: Entries): Entries => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
const entriesOf = (object: object | undefined): Entries => sorted(Object.entries(object ?? {}));
/** As a request comes: through its bytes. */
const sent = { pod: RunPodSandboxRequest, container: CreateContainerRequest };

let rig: StoryRig;

beforeEach(async () => {
  rig = await StoryRig.start();
});
afterEach(async () => {
  await rig.close();
});

async function make(labels: Entries, annotations: Entries): Promise<{ pod: string; container: string }> {
  const maps = { labels: Object.fromEntries(labels), annotations: Object.fromEntries(annotations) };
  const podBytes = sent.pod.encode(podRequest(maps)).finish();
  const { podSandboxId: pod } = await runPodSandbox(rig.deps, sent.pod.decode(podBytes), rig.call());
  const bytes = sent.container.encode(containerRequest(pod, maps)).finish();
  const { containerId } = await createContainer(rig.deps, sent.container.decode(bytes), rig.call());
  return { pod, container: containerId };
}

/** Labels and annotations as CRI tells them, of the pod and of its container, alone and in lists. */
async function told(made: { pod: string; container: string }): Promise<Entries[]> {
  const { deps } = rig;
  const pod = PodSandboxStatusResponse.encode(
    await podSandboxStatus(deps, { podSandboxId: made.pod, verbose: false }, rig.call()),
  ).finish();
  const container = ContainerStatusResponse.encode(
    await containerStatus(deps, { containerId: made.container, verbose: false }, rig.call()),
  ).finish();
  const [listed] = ListContainersResponse.decode(
    Buffer.concat((await listContainers(deps, { filter: undefined })).parts),
  ).containers;
  const all = [PodSandboxStatusResponse.decode(pod).status, ContainerStatusResponse.decode(container).status, listed];
  return all.flatMap((one) => [entriesOf(one?.labels), entriesOf(one?.annotations)]);
}

/** The same as containerd's plugin reads them from the records. */
function recorded(made: { pod: string; container: string }): Entries[] {
  const { containers } = rig.fake.state;
  return (
    [
      [made.pod, SANDBOX_EXTENSION],
      [made.container, CONTAINER_EXTENSION],
    ] as const
  ).flatMap(([id, extension]) => {
    const text = containers.get(id)?.extensions[extension]?.value.toString() ?? '';
    const { labels, annotations } = JSON.parse(text).Metadata.Config;
    return [entriesOf(labels), entriesOf(annotations)];
  });
}

it('Any labels and annotations are told as they were given, by the records too, and after a restart', async () => {
  await fc.assert(
    fc.asyncProperty(map, map, async (labels, annotations) => {
      const given = [sorted(labels), sorted(annotations)];
      const made = await make(labels, annotations);
      expect(await told(made)).toEqual([...given, ...given, ...given]);
      expect(recorded(made)).toEqual([...given, ...given]);
      rig = rig.restarted();
      await rig.deps.images.resync();
      await askAndRecover(rig.deps);
      expect(await told(made)).toEqual([...given, ...given, ...given]);
      await removeAll(rig);
    }),
    { numRuns: 25, examples: [[[['__proto__', 'a']], [['constructor', 'b']]]] },
  );
});
