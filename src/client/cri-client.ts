import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../generated/cri/v1/api';
import { type Client, createChannel, createClient } from '../rpc/client/client';

/** The part of a CRI server that smoke needs. */
export interface CriCalls {
  readonly runtime: Pick<
    Client<typeof RuntimeServiceDefinition>,
    | 'version'
    | 'status'
    | 'runtimeConfig'
    | 'runPodSandbox'
    | 'podSandboxStatus'
    | 'listPodSandbox'
    | 'stopPodSandbox'
    | 'removePodSandbox'
    | 'createContainer'
    | 'startContainer'
    | 'stopContainer'
    | 'removeContainer'
    | 'execSync'
    | 'containerStats'
  >;
  readonly images: Pick<Client<typeof ImageServiceDefinition>, 'imageStatus' | 'pullImage'>;
}

/** A connection to a CRI server's socket, as kubelet has one. Dials on its first call; `close` ends it. */
export class CriClient implements CriCalls {
  private readonly channel: ReturnType<typeof createChannel>;
  readonly runtime: Client<typeof RuntimeServiceDefinition>;
  readonly images: Client<typeof ImageServiceDefinition>;

  constructor(endpoint: string) {
    this.channel = createChannel(endpoint);
    this.runtime = createClient(RuntimeServiceDefinition, this.channel);
    this.images = createClient(ImageServiceDefinition, this.channel);
  }

  close(): void {
    this.channel.close();
  }
}
