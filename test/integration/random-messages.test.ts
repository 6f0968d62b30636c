import { fuzzNode } from '../fuzz/messages/run';
import { handlesEnv } from '../support/node/crisp-process';
import { PAUSE, startNode, type TestNode } from '../support/node/node';

const SECOND = 1000;
/** A part of what `make fuzz` sends: as much of it as there is time for. */
const MESSAGES = 4000;
const SEND_MS = 40 * SECOND;
/** The same messages each time, as far as what crisp answers meanwhile lets them be. */
const SEED = 15;

let node: TestNode;

beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE }, env: handlesEnv });
}, 60 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

it(
  'Random messages over all RPCs end no process, leave nothing, and are no errors of crisp',
  async () => {
    const until = Date.now() + SEND_MS;
    const rows = await fuzzNode(node, { count: MESSAGES, seed: SEED, stopped: () => false, until });
    expect(rows.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
  },
  240 * SECOND,
);
