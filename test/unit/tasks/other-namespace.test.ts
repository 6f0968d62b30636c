import { clearHalfMadeTask, clearVanishedTask } from '../../../src/tasks/half-made-task';
import { makeContainer, runPod } from '../../support/story-pods';
import type { StoryRig } from '../../support/story-rig';
import { useRig } from '../../support/use-rig';

const NAMESPACE = 'crisp-run';
const CONFIG = `
  [containerd]
  namespace = "${NAMESPACE}"
  [containerd.runtimes.runc.options]
  Root = "/run/own-root"
  [containerd.runtimes.plain]
  runtime_type = "io.containerd.runc.v2"
`;
const rig = useRig({ namespace: NAMESPACE, config: CONFIG });

/** Clears a creation that only the OCI runtime remembers; where it was looked for. */
async function clear({ deps, fake, host }: StoryRig, handlerName: string): Promise<unknown> {
  const { metadata, snapshotter } = await makeContainer(rig.now, await runPod(rig.now));
  const handler = deps.handlers.ofPod(handlerName);
  const { id } = metadata;
  const looks: string[] = [];
  host.isDirectory = async (path) => looks.push(path) < 0;
  fake.fail('Tasks/Create', { code: 2, message: 'runc create failed: container with given ID already exists' });
  expect(await clearHalfMadeTask(deps, { id, snapshotter, handler })).toBe(true);
  const hide = (path: string): string => path.replaceAll(id, 'ID');
  return {
    waitedFor: [...new Set(looks.map((path) => hide(path).replace(/.*(?=io\.containerd)/, '')))],
    forgotten: host.deletedFromRuntime.map((each) => ({ ...each, id: hide(each.id) })),
  };
}

describe('An interrupted creation in another containerd namespace than k8s.io', () => {
  it('is cleared where the runtime and the daemon keep it', async () => {
    expect(await clear(rig.now, 'plain')).toEqual({
      waitedFor: [`io.containerd.runtime.v2.task/${NAMESPACE}/ID`],
      forgotten: [{ program: 'runc', root: `/run/containerd/runc/${NAMESPACE}`, id: 'ID' }],
    });
  });

  it('is cleared below the root directory of its handler', async () => {
    const { forgotten } = (await clear(rig.now, 'runc')) as { forgotten: unknown };
    expect(forgotten).toEqual([{ program: 'runc', root: `/run/own-root/${NAMESPACE}`, id: 'ID' }]);
  });

  it('is forgotten there too when its task vanished with its shim', async () => {
    const handler = rig.now.deps.handlers.ofPod('plain');
    await clearVanishedTask(rig.now.deps, 'ID', { handler, reason: 'a test' });
    expect(rig.now.host.deletedFromRuntime).toMatchObject([{ root: `/run/containerd/runc/${NAMESPACE}` }]);
  });
});
