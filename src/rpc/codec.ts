import { Code } from './code';
import { RpcError } from './rpc-error';
import { EncodedMessage, type MessageType, type MethodDefinition, type ServiceDefinition } from './service';

/** What one message may have: containerd and kubelet both allow 16 MiB, and the limit must not be ours. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** The path of an RPC on the wire. */
export function methodPath(service: ServiceDefinition, method: MethodDefinition): string {
  return `/${service.fullName}/${method.name}`;
}

/** Writes a message, as parts that follow one another; what the writer made is not copied, an EncodedMessage is sent as it is. */
export function serializer(type: unknown): (message: unknown) => readonly Buffer[] {
  const codec = type as MessageType<unknown>;
  return (message) => {
    if (message instanceof EncodedMessage) return message.parts;
    const bytes = codec.encode(message).finish();
    return [Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)];
  };
}

/**
 * Reads a message. For bytes that are none it throws an RpcError with INTERNAL, the code that gRPC's own libraries answer: the
 * sender has made a mistake, and we have not. The decoder throws RangeErrors and whatever the engine throws.
 */
export function deserializer(type: unknown): (bytes: Buffer) => unknown {
  const codec = type as MessageType<unknown>;
  return (bytes) => {
    try {
      return codec.decode(bytes);
    } catch {
      throw new RpcError(Code.INTERNAL, 'the message cannot be read');
    }
  };
}
