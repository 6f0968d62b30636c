import { ContainerEventType, RuntimeServiceDefinition } from '../../../generated/cri/v1/api';
import { toStatus } from '../../../src/cri/errors';
import { runtimeService } from '../../../src/cri/runtime-service';
import { type Client, createClient } from '../../../src/rpc/client/client';
import { Code } from '../../../src/rpc/code';
import { containerRequest, makeContainer, podRequest, runPod } from '../../support/story-pods';
import { until } from '../../support/streaming/until';
import { useRig } from '../../support/use-rig';
import { RpcRig, recordingLogger } from '../rpc/rpc-rig';

const rig = useRig();
let rpc: RpcRig;
let log: ReturnType<typeof recordingLogger>;
let client: Client<typeof RuntimeServiceDefinition>;

beforeEach(async () => {
  rpc = new RpcRig();
  log = recordingLogger();
  const server = rpc.server({ toStatus, log });
  server.addService(RuntimeServiceDefinition, runtimeService(rig.now.deps));
  await server.listen(rpc.socket);
  client = createClient(RuntimeServiceDefinition, rpc.channel());
});
afterEach(() => rpc.close());

/** What an operator sees by default. */
function seen() {
  return log.lines.filter(({ level }) => level !== 'debug');
}

/** The codes with which readers of events have ended. */
function endsOfReaders(): unknown[] {
  return log.lines.flatMap(({ message, fields }) => (message === 'served' ? [fields.code] : []));
}

type Ask = () => Promise<unknown>;

/** Each arranges a call, and is then asked to make it. */
const CALLS: [string, string, () => Promise<Ask>][] = [
  ['RunPodSandbox', 'Snapshots/Prepare', async () => () => client.runPodSandbox(podRequest())],
  [
    'CreateContainer',
    'Snapshots/Prepare',
    async () => {
      const request = containerRequest(await runPod(rig.now));
      return () => client.createContainer(request);
    },
  ],
  [
    'StartContainer',
    'Tasks/Start',
    async () => {
      const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
      return () => client.startContainer({ containerId: id });
    },
  ],
];

describe('The log', () => {
  it.each(CALLS)(
    'has a %s of which %s is refused once, with the step that failed',
    async (method, refused, arrange) => {
      const ask = await arrange();
      rig.now.fake.fail(refused, { code: Code.INTERNAL, message: 'no space left' });
      await expect(ask()).rejects.toThrow('no space left');
      const fields = {
        method,
        call: 1,
        code: 'INTERNAL',
        ms: expect.any(Number),
        step: expect.stringMatching(/^(prepare|start) /),
        error: expect.stringContaining('no space left'),
      };
      expect(seen()).toEqual([{ level: 'warn', message: 'failed', fields }]);
    },
  );

  it('says nothing of a reader of events that leaves, or whose time is up', async () => {
    const reader = new AbortController();
    let got = 0;
    const reading = (async () => {
      for await (const _event of client.getContainerEvents({}, { signal: reader.signal })) got += 1;
    })();
    reading.catch(() => undefined);
    await until('it reads', () => {
      rig.now.deps.events.publish('pod', 'pod', ContainerEventType.CONTAINER_CREATED_EVENT);
      return got > 0;
    });
    reader.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await until('it has left', () => endsOfReaders().includes('CANCELLED'));
    // One may be late before its call has arrived: of that, nothing is known here.
    while (!endsOfReaders().includes('DEADLINE_EXCEEDED')) {
      const late = client.getContainerEvents({}, { timeoutMs: 30 })[Symbol.asyncIterator]().next();
      await expect(late).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    }
    expect(seen()).toEqual([]);
  });

  it('says nothing of the status of what kubelet has removed', async () => {
    const asking = client.containerStatus({ containerId: 'gone', verbose: false });
    await expect(asking).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(client.podSandboxStatus({ podSandboxId: 'gone', verbose: false })).rejects.toThrow('gone');
    expect(seen()).toEqual([]);
  });
});
