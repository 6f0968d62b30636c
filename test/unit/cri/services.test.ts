import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../../generated/cri/v1/api';
import { toStatus } from '../../../src/cri/errors';
import { imageService } from '../../../src/cri/image-service';
import { runtimeService } from '../../../src/cri/runtime-service';
import { createClient } from '../../../src/rpc/client/client';
import { RpcCallError } from '../../../src/rpc/client/rpc-call-error';
import { Code } from '../../../src/rpc/code';
import { useRig } from '../../support/use-rig';
import { RpcRig } from '../rpc/rpc-rig';

/** kubelet gives up on what is answered so, and never asks again until it is started anew. */
const NOT_SERVED = ['CheckpointContainer', 'CheckpointPod', 'RestorePod'];

const rig = useRig();
let rpc: RpcRig;

beforeEach(async () => {
  rpc = new RpcRig();
  const server = rpc.server({ toStatus });
  server.addService(RuntimeServiceDefinition, runtimeService(rig.now.deps));
  server.addService(ImageServiceDefinition, imageService(rig.now.deps));
  await server.listen(rpc.socket);
});
afterEach(() => rpc.close());

type AnyCall = (request: object, options: { timeoutMs: number }) => Promise<unknown> | AsyncIterable<unknown>;

/** The code that a call with an empty request is answered with. */
async function codeOf(call: AnyCall, request: object, timeoutMs: number): Promise<Code> {
  try {
    const answer = call(request, { timeoutMs });
    if (answer instanceof Promise) await answer;
    else for await (const _message of answer) break;
    return Code.OK;
  } catch (error) {
    if (error instanceof RpcCallError) return error.code;
    throw error;
  }
}

describe('The services', () => {
  it('answer UNIMPLEMENTED for what they do not serve, and for nothing else', async () => {
    const unserved: string[] = [];
    for (const definition of [RuntimeServiceDefinition, ImageServiceDefinition]) {
      const client = createClient(definition, rpc.channel()) as unknown as Record<string, AnyCall>;
      for (const [key, { name, requestType, responseStream }] of Object.entries(definition.methods)) {
        const call = client[key];
        if (!call) throw new Error(`there is no ${key}`);
        // A stream goes on: it is served when it has not ended by then.
        const code = await codeOf(call, requestType.fromPartial({}), responseStream ? 500 : 30_000);
        if (code === Code.UNIMPLEMENTED) unserved.push(name);
      }
    }
    expect(unserved.sort()).toEqual(NOT_SERVED);
  });

  it('refuse what names nothing by the field that is missing', async () => {
    const client = createClient(RuntimeServiceDefinition, rpc.channel());
    for (const call of [
      client.startContainer({ containerId: '' }),
      client.removeContainer({ containerId: '' }),
      client.stopContainer({ containerId: '', timeout: 0n }),
    ]) {
      await expect(call).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, message: 'container_id: is empty' });
    }
    for (const call of [client.stopPodSandbox({ podSandboxId: '' }), client.removePodSandbox({ podSandboxId: '' })]) {
      await expect(call).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, message: 'pod_sandbox_id: is empty' });
    }
  });
});
