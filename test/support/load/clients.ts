import { type CallOptions, Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../../generated/cri/v1/api';
import type { MessageType } from '../../../src/rpc/service';
import { Seeded } from '../seeded';

/** What the clients are to do: on the command line, as JSON. */
export interface Load {
  readonly socket: string;
  readonly clients: number;
  readonly seconds: number;
  readonly podIds: readonly string[];
  readonly containerIds: readonly string[];
  readonly image: string;
}

/** What became of it, as JSON on stdout. */
export interface Loaded {
  readonly calls: Readonly<Record<string, number>>;
  /** Each with a few words. */
  readonly failed: readonly string[];
}

const CALL_MS = 120_000;

interface Ask {
  readonly name: string;
  readonly path: string;
  readonly request: Buffer;
}

/** Many clients, each with a connection of its own, make one call after the other. In a process apart: it is the server that is tried. */
export async function main([text = '{}']: readonly string[]): Promise<void> {
  const load = JSON.parse(text) as Load;
  const calls: Record<string, number> = {};
  const failed: string[] = [];
  const until = Date.now() + load.seconds * 1000;
  const busy = async (_: unknown, nth: number): Promise<void> => {
    const random = new Seeded(nth);
    const client = new Client(`unix:${load.socket}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    // Each makes a call, however long the others have kept it waiting.
    do {
      const ask = chosen(load, random);
      const why = await made(client, ask);
      calls[ask.name] = (calls[ask.name] ?? 0) + 1;
      if (why) failed.push(`${ask.name}: ${why}`);
    } while (Date.now() < until);
    client.close();
  };
  await Promise.all(Array.from({ length: load.clients }, busy));
  console.log(JSON.stringify({ calls, failed } satisfies Loaded));
}

/** Lists and statuses mostly, an ExecSync of fifty, a pull of a hundred. */
function chosen({ podIds, containerIds, image }: Load, random: Seeded): Ask {
  const chance = random.next();
  const podSandboxId = random.pick(podIds);
  const containerId = random.pick(containerIds);
  if (chance < 0.3) return runtime('listPodSandbox', {});
  if (chance < 0.6) return runtime('listContainers', {});
  if (chance < 0.72) return runtime('podSandboxStatus', { podSandboxId });
  if (chance < 0.84) return runtime('containerStatus', { containerId });
  if (chance < 0.9) return ask(ImageServiceDefinition, 'listImages', {});
  if (chance < 0.97) return runtime('status', {});
  if (chance < 0.99) return runtime('execSync', { containerId, cmd: ['true'], timeout: 60n });
  return ask(ImageServiceDefinition, 'pullImage', { image: { image } });
}

function runtime(method: keyof typeof RuntimeServiceDefinition.methods, message: object): Ask {
  return ask(RuntimeServiceDefinition, method, message);
}

function ask(service: { fullName: string; methods: object }, method: string, message: object): Ask {
  const { name, requestType } =
    (service.methods as Record<string, { name: string; requestType: unknown }>)[method] ?? {};
  const type = requestType as MessageType<unknown> & { fromPartial(message: object): unknown };
  const request = Buffer.from(type.encode(type.fromPartial(message)).finish());
  return { name: name ?? method, path: `/${service.fullName}/${name}`, request };
}

/** Why the call failed; undefined when it did not. A connection that fails fails it, too. */
function made(client: Client, { path, request }: Ask): Promise<string | undefined> {
  const asItIs = (bytes: Buffer): Buffer => bytes;
  const options: CallOptions = { deadline: Date.now() + CALL_MS };
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asItIs, asItIs, request, new Metadata(), options, (error) =>
      resolve(error ? `${status[error.code]} ${error.details.slice(0, 200)}` : undefined),
    );
  });
}
