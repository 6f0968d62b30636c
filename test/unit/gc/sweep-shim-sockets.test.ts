import { newId } from '../../../src/base/ids';
import type { NewContainerRecord } from '../../../src/containerd/containers';
import { sweepShimSockets } from '../../../src/gc/sweep-shim-sockets';
import { type DeadSocket, shimSocketNames } from '../../../src/host/process/shim-sockets';
import { SHIM_GROUP } from '../../../src/oci/annotations';
import { makeContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();
const sweep = (): Promise<void> => sweepShimSockets(rig.now.deps, new AbortController().signal, 1);

/** The socket of a shim of this daemon; `kind` 1: for debugging. */
function dead(group: string, { namespace = 'k8s.io', kind = 0, ino = 1n } = {}): DeadSocket {
  const name = shimSocketNames({ address: rig.now.fake.address, namespace, group })[kind];
  const socket = { path: `/run/containerd/s/${name}`, ino };
  rig.now.host.dead.push(socket);
  return socket;
}

const recordOf = (id: string, annotations: Record<string, string> = {}): NewContainerRecord => ({
  ...{ id, labels: {}, image: '', runtime: { name: 'io.containerd.runc.v2' } },
  ...{ snapshotter: '', snapshotKey: '', extensions: {}, sandboxId: '' },
  spec: { typeUrl: 't', value: Buffer.from(JSON.stringify({ annotations })) },
});

describe('The sweep of shims’ sockets', () => {
  it('removes those of pods that are gone, whoever left them', async () => {
    dead(newId());
    dead(newId(), { kind: 1 });
    dead('a-shim-of-moby', { namespace: 'moby' });
    await sweep();
    expect(rig.now.host.dead).toEqual([]);
  });

  it('leaves those that a shim of a pod or container on record would have', async () => {
    const pod = await runPod(rig.now);
    const { metadata } = await makeContainer(rig.now, pod);
    const { containers } = rig.now.deps.containerd;
    await containers.create(recordOf('stopped'), { namespace: 'moby' });
    await containers.create(recordOf('grouped', { [SHIM_GROUP]: 'group' }), { namespace: 'moby' });
    const kept = [
      ...[dead(pod), dead(pod, { kind: 1 }), dead(metadata.id)],
      ...['stopped', 'grouped', 'group'].map((id) => dead(id, { namespace: 'moby' })),
    ];
    dead('stopped'); // in this namespace nobody is called so
    await sweep();
    expect(rig.now.host.dead).toEqual(kept);
    rig.now.host.dead.length = 0;
    for (const id of ['stopped', 'grouped']) await containers.delete(id, { namespace: 'moby' });
  });

  it('leaves those that a task’s directory names', async () => {
    const { path } = dead(newId());
    rig.now.host.taskSockets.push(path);
    await sweep();
    expect(rig.now.host.dead).toHaveLength(1);
  });

  it('leaves those that were made between its two looks', async () => {
    const socket = dead(newId());
    const looks = jest.spyOn(rig.now.host, 'deadSockets');
    looks.mockResolvedValueOnce([{ ...socket, ino: 2n }]);
    await sweep();
    expect(rig.now.host.dead).toEqual([socket]);
    await sweep();
    expect(rig.now.host.dead).toEqual([]);
  });

  it.each(['Namespaces/List', 'Containers/ListStream'])('removes nothing while %s fails', async (method) => {
    await runPod(rig.now);
    const kept = [dead(newId())];
    rig.now.fake.fail(method, { nth: 'always' });
    await expect(sweep()).rejects.toThrow('made to fail');
    expect(rig.now.host.dead).toEqual(kept);
  });
});
