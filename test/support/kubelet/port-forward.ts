import type { Channels } from './channels';
import { fullName, type KubeletNode } from './kubelet-node';

const [DATA, ERROR] = [0, 1] as const;
/** Each channel begins with its port. */
const PREFIX_BYTES = 2;

/** One connection to a port of a pod, over kubelet's API. */
export class ForwardedPort {
  private constructor(private readonly channels: Channels) {}

  static async open(node: KubeletNode, pod: string, port: number): Promise<ForwardedPort> {
    const path = `/portForward/default/${fullName(node, pod)}?port=${port}`;
    return new ForwardedPort(await node.api.channels(path, ['v4.channel.k8s.io']));
  }

  send(chunk: Buffer | string): Promise<void> {
    return this.channels.send(DATA, chunk);
  }

  /** How much of the connection's data has come. */
  get bytes(): number {
    return this.channels.count(DATA) - PREFIX_BYTES;
  }

  /** Resolves when the connection is over. */
  async received(): Promise<{ readonly data: Buffer; readonly error: string }> {
    await this.channels.closed;
    const after = (channel: number): Buffer => this.channels.bytes(channel).subarray(PREFIX_BYTES);
    return { data: after(DATA), error: after(ERROR).toString() };
  }

  leave(): void {
    this.channels.leave();
  }
}
