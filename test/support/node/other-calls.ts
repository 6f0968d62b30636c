import type { TestNode } from './node';
import { exec, statusOf } from './pods';

/**
 * Makes calls that need no faulty mount or disk, over and over, until `ended` resolves. Answers the longest time that a call
 * of each kind took, in milliseconds. `containerId` is a running container that has nothing to do with the fault.
 */
export async function otherCalls(
  node: TestNode,
  containerId: string,
  ended: Promise<unknown>,
): Promise<Record<string, number>> {
  const { runtime } = node.cri;
  const calls: Record<string, () => Promise<unknown>> = {
    Status: () => runtime.status({ verbose: false }),
    ListPodSandbox: () => runtime.listPodSandbox({ filter: undefined }),
    ListContainers: () => runtime.listContainers({ filter: undefined }),
    ContainerStatus: () => statusOf(node, containerId),
    ExecSync: () => exec(node, containerId, 'true'),
  };
  const longest: Record<string, number> = {};
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over) {
    for (const [name, call] of Object.entries(calls)) {
      const from = performance.now();
      await call();
      longest[name] = Math.max(longest[name] ?? 0, performance.now() - from);
    }
  }
  return longest;
}
