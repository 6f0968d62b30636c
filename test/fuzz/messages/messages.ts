import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../../generated/cri/v1/api';
import type { Seeded } from '../../support/seeded';
import { isHarmless } from './harmless';
import { likelyRequest } from './likely';
import { anyMessage, perturbed } from './values';
import type { World } from './world';

interface Codec {
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
  fromPartial(message: unknown): unknown;
}

/** An RPC of CRI v1. */
export interface Rpc {
  readonly name: string;
  readonly path: string;
  readonly isStream: boolean;
  /** Full name of the request. */
  readonly request: string;
  readonly codec: Codec;
}

/** Every RPC of both services. */
export const RPCS: readonly Rpc[] = [RuntimeServiceDefinition, ImageServiceDefinition].flatMap((service) =>
  Object.values(service.methods).map(
    (method): Rpc => ({
      name: method.name,
      path: `/${service.fullName}/${method.name}`,
      isStream: method.responseStream,
      request: requestOf(method.name),
      codec: method.requestType as unknown as Codec,
    }),
  ),
);

/** One request. */
export interface Made {
  readonly rpc: Rpc;
  readonly bytes: Buffer;
}

/** Messages by chance: likely ones, likely ones with some wrong members, any ones, and bytes that were one. */
export class Messages {
  private previous: Buffer = Buffer.alloc(0);

  constructor(
    private readonly world: World,
    private readonly random: Seeded,
  ) {}

  /** The next one that leaves the machine alone. */
  next(): Made {
    for (;;) {
      const rpc = this.random.pick(RPCS);
      const bytes = this.bytesFor(rpc);
      if (bytes && this.isHarmless(rpc, bytes)) return { rpc, bytes };
    }
  }

  private bytesFor(rpc: Rpc): Buffer | undefined {
    const { random, world } = this;
    const likely = random.next() < 0.5 ? likelyRequest(rpc.name, world, random) : undefined;
    const message = likely
      ? perturbed(likely, random.pick([0, 0.02, 0.1, 0.4]), random)
      : anyMessage(rpc.request, world, random);
    const encoded = encode(rpc.codec, message);
    if (!encoded) return undefined;
    const bytes = random.next() < 0.3 ? this.damaged(encoded) : encoded;
    this.previous = encoded;
    return bytes;
  }

  /** The bytes with some changed, left out, put in or taken from the message before. */
  private damaged(bytes: Buffer): Buffer {
    const { random, previous } = this;
    const at = random.between(0, Math.max(0, bytes.length - 1));
    const length = random.between(0, 8);
    switch (random.between(0, 4)) {
      case 0: {
        const copy = Buffer.from(bytes);
        if (copy.length > 0) copy[at] = random.between(0, 255);
        return copy;
      }
      case 1:
        return bytes.subarray(0, at);
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
      case 3:
        return Buffer.concat([bytes.subarray(0, at), this.noise(length), bytes.subarray(at)]);
      default:
        return Buffer.concat([bytes.subarray(0, at), previous.subarray(random.between(0, previous.length))]);
    }
  }

  private noise(length: number): Buffer {
    return Buffer.from(
      Array.from({ length }, () => this.random.pick([0, 0x0b, 0x0c, 0x7f, 0xff, this.random.between(0, 255)])),
    );
  }

  /** What cannot be read does nothing. */
  private isHarmless({ name, codec }: Rpc, bytes: Buffer): boolean {
    let request: unknown;
    try {
      request = codec.decode(bytes);
    } catch {
      return true;
    }
    return isHarmless(name, request, this.world.dir);
  }
}

/** Undefined for members that no message can have. */
function encode(codec: Codec, message: unknown): Buffer | undefined {
  try {
    return Buffer.from(codec.encode(codec.fromPartial(message)).finish());
  } catch {
    return undefined;
  }
}

/** CRI names requests after their RPCs, but for one. */
function requestOf(method: string): string {
  return `runtime.v1.${method === 'GetContainerEvents' ? 'GetEvents' : method}Request`;
}
