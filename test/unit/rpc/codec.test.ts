import { RunPodSandboxRequest } from '../../../generated/cri/v1/api';
import { Code } from '../../../src/rpc/code';
import { deserializer } from '../../../src/rpc/codec';
import { RpcError } from '../../../src/rpc/rpc-error';

const read = deserializer(RunPodSandboxRequest);

it.each([
  ['that end too early', Buffer.from([0x0a, 0x7f])],
  ['with a number that has no end', Buffer.alloc(20, 0xff)],
  ['with a field that there cannot be', Buffer.from([0x07])],
  ['with groups within each other, as many as the stack cannot hold', Buffer.alloc(1 << 20, 0x0b)],
])('Bytes %s are refused as gRPC does it', (_what, bytes) => {
  let thrown: unknown;
  try {
    read(bytes);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(RpcError);
  expect(thrown).toMatchObject({ code: Code.INTERNAL, message: 'the message cannot be read' });
});
