import { TaskOOM } from '../../../generated/containerd/events/task';
import { silentLogger } from '../../../src/base/logger';
import { EventMonitor } from '../../../src/exits/event-monitor';
import type { Container } from '../../../src/model/container';
import { runContainer, runPod } from '../../support/story-pods';
import { APP_IMAGE } from '../../support/story-rig';
import { ended, useRig } from '../../support/use-rig';

const rig = useRig();
let monitor: EventMonitor;
let looks: number;

beforeEach(async () => {
  looks = 0;
  const { containerd, images, containers } = rig.now.deps;
  const resync = async (): Promise<void> => void looks++;
  monitor = new EventMonitor({ containerd, namespace: 'k8s.io', images, containers, log: silentLogger, resync });
  monitor.start();
  await rig.now.fake.world.subscribed(2); // the rig listens too
});
afterEach(() => monitor.stop());

/** Announces that a process of a container was killed for memory, and waits until that is noted. */
async function oom(container: Container): Promise<void> {
  const { id } = container.metadata;
  const value = Buffer.from(TaskOOM.encode({ containerId: id }).finish());
  rig.now.fake.world.publish('k8s.io', '/tasks/oom', { typeUrl: 'containerd.events.TaskOOM', value });
  await holds(() => container.oomKilled === true);
}

async function holds(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A container whose cgroup goes with its last process, as systemd's do: the event alone tells. */
async function running(): Promise<Container> {
  const container = await runContainer(rig.now, await runPod(rig.now));
  rig.now.host.oomKills = async () => undefined;
  return container;
}

describe('An OOM event', () => {
  it('is the reason of a container that is then killed, whichever of its processes it was about', async () => {
    const container = await running();
    await oom(container);
    expect(container.status.reason).toBe('');
    rig.now.fake.process(container.metadata.id).exit(137);
    await ended(rig.now, container.metadata.id);
    expect(container.status).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it.each([1, 0])('is the reason also of one that lives on and then ends with %i', async (code) => {
    const container = await running();
    await oom(container);
    rig.now.fake.process(container.metadata.id).exit(code);
    await ended(rig.now, container.metadata.id);
    expect(container.status).toMatchObject({ exitCode: code, reason: 'OOMKilled' });
  });

  it('of another namespace, or of a container of others, is nobody’s business', async () => {
    const container = await running();
    const { id } = container.metadata;
    const event = (containerId: string) => ({
      typeUrl: 'containerd.events.TaskOOM',
      value: Buffer.from(TaskOOM.encode({ containerId }).finish()),
    });
    rig.now.fake.world.publish('moby', '/tasks/oom', event(id));
    rig.now.fake.world.publish('k8s.io', '/tasks/oom', event('theirs'));
    const other = await runContainer(rig.now, container.metadata.sandboxId, { metadata: { name: 'b' } });
    await oom(other); // in order: what came before was heard by now
    expect(container.oomKilled).toBeUndefined();
  });
});

describe('The event monitor', () => {
  it('looks at everything after each connection, and hears of images that others make', async () => {
    await holds(() => looks === 1);
    const record = rig.now.fake.state.images.get(APP_IMAGE);
    if (!record) throw new Error('there is no image');
    await rig.now.deps.containerd.images.create({
      name: 'theirs.example/app:2',
      target: {
        mediaType: record.target?.mediaType ?? '',
        digest: record.target?.digest ?? '',
        size: record.target?.size ?? 0n,
      },
      labels: {},
    });
    await holds(() => rig.now.deps.images.find('theirs.example/app:2') !== undefined);
    await rig.now.fake.restart();
    await holds(() => looks === 2);
  });
});
