import { silentLogger } from '../../../src/base/logger';
import { ContainerdClient } from '../../../src/containerd/client';
import { FakeContainerd, type FakeOptions } from '../../support/fake-containerd';

/** A fake daemon and a client of it. */
export interface Rig {
  fake: FakeContainerd;
  client: ContainerdClient;
  close(): Promise<void>;
}

export async function startRig(options: FakeOptions = {}): Promise<Rig> {
  const fake = await FakeContainerd.start(options);
  const client = new ContainerdClient({ address: fake.address, namespace: 'k8s.io', log: silentLogger });
  return {
    fake,
    client,
    close: async () => {
      client.close();
      await fake.stop();
    },
  };
}

/** A record with nothing remarkable about it. */
export function record(id: string, more: Record<string, unknown> = {}) {
  return {
    id,
    labels: {},
    image: 'docker.io/library/busybox:latest',
    runtime: { name: 'io.containerd.runc.v2' },
    snapshotter: 'overlayfs',
    snapshotKey: id,
    extensions: {},
    sandboxId: '',
    ...more,
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
