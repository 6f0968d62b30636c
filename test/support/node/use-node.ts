import { leftBehind } from '../daemon/leftovers';
import { type NodeOptions, startNode, type TestNode } from './node';

const STOP_MS = 60_000;

/** A node that each test of a file starts for itself. After each, nothing of its pods may be left, and it is stopped. */
export function useNode(): { readonly now: TestNode; start(options: NodeOptions): Promise<TestNode> } {
  let node: TestNode | undefined;
  afterEach(async () => {
    const ended = node;
    node = undefined;
    const left = ended ? await leftBehind(ended) : '0';
    await ended?.stop();
    expect(left).toBe('0');
  }, STOP_MS);
  return {
    get now() {
      if (!node) throw new Error('the test has started no node');
      return node;
    },
    async start(options) {
      node = await startNode(options);
      return node;
    },
  };
}
