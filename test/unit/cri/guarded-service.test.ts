import {
  ImageServiceDefinition,
  ListContainersResponse,
  RunPodSandboxRequest,
  RunPodSandboxResponse,
  RuntimeServiceDefinition,
} from '../../../generated/cri/v1/api';
import { LoopWatch } from '../../../src/base/loop-watch';
import { toStatus } from '../../../src/cri/errors';
import { guarded } from '../../../src/cri/guarded-service';
import { imageService } from '../../../src/cri/image-service';
import { runtimeService } from '../../../src/cri/runtime-service';
import { createClient } from '../../../src/rpc/client/client';
import { Code } from '../../../src/rpc/code';
import type { MessageType, MethodDefinition } from '../../../src/rpc/service';
import { podRequest } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';
import { RpcRig, recordingLogger } from '../rpc/rpc-rig';

const rig = useRig();
const log = recordingLogger();
let rpc: RpcRig;
let watch: LoopWatch;

beforeEach(async () => {
  log.lines.length = 0;
  rpc = new RpcRig();
  watch = new LoopWatch({ log });
  watch.start();
  const server = rpc.server({ toStatus, log });
  const runtime = guarded(RuntimeServiceDefinition, runtimeService(rig.now.deps), watch);
  const image = guarded(ImageServiceDefinition, imageService(rig.now.deps), watch);
  server.addService(runtime.definition, runtime.impl);
  server.addService(image.definition, image.impl);
  await server.listen(rpc.socket);
});
afterEach(async () => {
  watch.stop();
  await rpc.close();
});

const runtime = () => createClient(RuntimeServiceDefinition, rpc.channel());

it('A request within the limits is served as ever', async () => {
  const { podSandboxId } = await runtime().runPodSandbox(podRequest({ labels: { app: 'web' } }));
  const { status } = await runtime().podSandboxStatus({ podSandboxId, verbose: false });
  expect({ ...status?.labels }).toEqual({ app: 'web' });
});

it('40,000 labels are refused by the name of their field, and nothing is made or logged as an error', async () => {
  const labels = Object.fromEntries(Array.from({ length: 40_000 }, (_, at) => [`label-${at}`, 'value']));
  await expect(runtime().runPodSandbox(podRequest({ labels }))).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    message: expect.stringContaining('config.labels: has more than 8192 entries'),
  });
  expect(rig.now.deps.sandboxes.list()).toEqual([]);
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

it('What is no message is the caller’s mistake, not crisp’s', async () => {
  const { methods } = RuntimeServiceDefinition;
  const broken: MessageType<RunPodSandboxRequest> = {
    encode: () => ({ finish: () => Uint8Array.of(0x0a, 0xff) }),
    decode: (bytes) => RunPodSandboxRequest.decode(bytes),
  };
  const row: MethodDefinition = { ...methods.runPodSandbox, requestType: broken, responseType: RunPodSandboxResponse };
  const definition = { ...RuntimeServiceDefinition, methods: { ...methods, runPodSandbox: row } };
  const client = createClient(definition as typeof RuntimeServiceDefinition, rpc.channel());
  await expect(client.runPodSandbox(podRequest())).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

it('The watchdog tells which RPC, and which step of it, held up the event loop', async () => {
  const until = async (count: number): Promise<void> => {
    for (let i = 0; i < 500 && watch.heldUp.times < count; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const record = rig.now.deps.sandboxes.record.bind(rig.now.deps.sandboxes);
  rig.now.deps.sandboxes.record = (metadata) => {
    const end = performance.now() + 400;
    while (performance.now() < end);
    return record(metadata);
  };
  await runtime().runPodSandbox(podRequest());
  await until(1);
  expect(log.lines.filter(({ message }) => message === 'the event loop was held up')).toMatchObject([
    { level: 'warn', fields: { ran: 'RunPodSandbox: record the sandbox' } },
  ]);
});

it('An answer that a handler has encoded goes out as it is', async () => {
  await runtime().runPodSandbox(podRequest());
  expect(await runtime().listContainers({ filter: undefined })).toEqual(ListContainersResponse.fromPartial({}));
});
