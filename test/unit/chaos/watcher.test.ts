import { ContainerState, PodSandboxState } from '../../../generated/cri/v1/api';
import type { CriClient } from '../../../src/client/cri-client';
import { RpcCallError } from '../../../src/rpc/client/rpc-call-error';
import { Code } from '../../../src/rpc/code';
import type { Watched } from '../../chaos/watched';
import { WATCHER_FAULTS, Watcher } from '../../chaos/watcher';
import { Done, Faults } from '../../support/counts';
import type { Containerd } from '../../support/daemon/containerd';
import { Seeded } from '../../support/seeded';

const { SANDBOX_READY, SANDBOX_NOTREADY } = PodSandboxState;
const { CONTAINER_RUNNING, CONTAINER_UNKNOWN } = ContainerState;

interface Said {
  readonly pods: () => { id: string; state: number }[];
  readonly containers: () => { id: string; state: number }[];
  readonly podStatus: () => { state: number };
  readonly status: () => { state: number };
}

const RIGHT: Said = {
  pods: () => [{ id: 'pod', state: SANDBOX_READY }],
  containers: () => [{ id: 'app', state: CONTAINER_RUNNING }],
  podStatus: () => ({ state: SANDBOX_READY }),
  status: () => ({ state: CONTAINER_RUNNING }),
};

/** One look of a watcher at what crisp says; answers how often it was misled, and by what. */
async function look(said: Partial<Said>, stillRuns = true): Promise<string[]> {
  const { pods, containers, podStatus, status } = { ...RIGHT, ...said };
  const runtime = {
    listPodSandbox: async () => ({ items: pods() }),
    listContainers: async () => ({ containers: containers() }),
    podSandboxStatus: async () => ({ status: podStatus() }),
    containerStatus: async () => ({ status: status() }),
  };
  const watched = {
    running: () => [{ id: 'app', podId: 'pod', pid: 7, began: '1' }],
    isRunning: () => stillRuns,
    harmed: () => [],
  };
  const faults = new Faults(WATCHER_FAULTS);
  const parts = { watched: watched as unknown as Watched, cri: { runtime } as unknown as CriClient };
  const rest = { containerd: {} as Containerd, random: new Seeded(1), faults, done: new Done() };
  let looks = 0;
  await new Watcher({ ...parts, ...rest }).watch(() => {
    looks += 1;
    return looks > 1;
  });
  return faults.rows().flatMap(({ count, example }) => (count > 0 ? [example.replace(/^\S+ /, '')] : []));
}

const refused = (code: Code) => (): never => {
  throw new RpcCallError(code, 'as told', 'Runtime/Method');
};

describe('The watcher of running pods', () => {
  it('is not misled by right answers, nor by calls that fail', async () => {
    expect(await look({})).toEqual([]);
    const fails = refused(Code.UNAVAILABLE);
    expect(await look({ pods: fails, containers: fails, podStatus: fails, status: fails })).toEqual([]);
  });

  it.each<[string, Partial<Said>]>([
    ['ListPodSandbox of pod, of which pid 7 runs: missing', { pods: () => [] }],
    [
      'ListPodSandbox of pod, of which pid 7 runs: SANDBOX_NOTREADY',
      { pods: () => [{ id: 'pod', state: SANDBOX_NOTREADY }] },
    ],
    ['ListContainers of app, of which pid 7 runs: missing', { containers: () => [] }],
    [
      'ListContainers of app, of which pid 7 runs: CONTAINER_UNKNOWN',
      { containers: () => [{ id: 'app', state: CONTAINER_UNKNOWN }] },
    ],
    ['PodSandboxStatus of pod, of which pid 7 runs: missing', { podStatus: refused(Code.NOT_FOUND) }],
    ['ContainerStatus of app, of which pid 7 runs: missing', { status: refused(Code.NOT_FOUND) }],
  ])('is misled by %s', async (what, said) => {
    expect(await look(said)).toEqual([what]);
  });

  it('is not misled about what ended or was stopped meanwhile', async () => {
    expect(await look({ pods: () => [], containers: () => [] }, false)).toEqual([]);
  });
});
