import { NamespaceMode } from '../../../../../generated/cri/v1/api';
import { startContainer } from '../../../../../src/cri/container/start-container';
import type { Spec } from '../../../../../src/model/spec';
import { Code } from '../../../../../src/rpc/code';
import { makeContainer, runContainer, runPod } from '../../../../support/story-pods';
import { ended, useRig } from '../../../../support/use-rig';

const FIELD = 'config.linux.security_context.namespace_options.target_id';
const rig = useRig();

/** A debug container as kubelet asks for one: it sees the processes of another. */
const debugging = (targetId: string) => ({
  metadata: { name: 'debug', attempt: 0 },
  linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.TARGET, targetId } } },
});

describe('The target of a PID namespace', () => {
  it('is joined by the path of its process', async () => {
    const pod = await runPod(rig.now);
    const target = (await runContainer(rig.now, pod)).metadata.id;
    const { id } = (await makeContainer(rig.now, pod, debugging(target))).metadata;
    const spec = JSON.parse(rig.now.fake.state.containers.get(id)?.spec?.value.toString() ?? '') as Spec;
    const path = `/proc/${rig.now.fake.process(target).pid}/ns/pid`;
    expect(spec.linux?.namespaces).toContainEqual({ type: 'pid', path });
  });

  it('must be there and of the same pod', async () => {
    const pod = await runPod(rig.now);
    const other = await runPod(rig.now, { metadata: { name: 'b', namespace: 'b', uid: 'b' } });
    const target = (await runContainer(rig.now, other)).metadata.id;
    await expect(makeContainer(rig.now, pod, debugging(target))).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: `${FIELD}: container "${target}" is of another pod`,
    });
    await expect(makeContainer(rig.now, pod, debugging('absent'))).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: `${FIELD}: there is no container "absent"`,
    });
  });

  it('must run when the container is created, and again when it is started', async () => {
    const pod = await runPod(rig.now);
    const target = (await makeContainer(rig.now, pod)).metadata.id;
    const refused = { code: Code.FAILED_PRECONDITION, message: `target container "${target}" does not run` };
    await expect(makeContainer(rig.now, pod, debugging(target))).rejects.toMatchObject(refused);
    await startContainer(rig.now.deps, { containerId: target }, rig.now.call());
    const { id } = (await makeContainer(rig.now, pod, debugging(target))).metadata;
    rig.now.fake.process(target).exit(0);
    await ended(rig.now, target);
    await expect(startContainer(rig.now.deps, { containerId: id }, rig.now.call())).rejects.toMatchObject(refused);
  });
});
