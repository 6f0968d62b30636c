import { DiffDefinition } from '../../generated/containerd/services/diff/v1/diff';
import type { Descriptor } from '../model/image';
import type { Mount } from '../model/mount';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { toDescriptor, toWireDescriptor } from './descriptor';

/** Unpacking layers. */
export class Diff {
  private readonly service: Client<typeof DiffDefinition>;

  constructor(
    private readonly connection: Connection,
    private readonly syncFs = false,
  ) {
    this.service = connection.service(DiffDefinition);
  }

  /**
   * Unpacks a layer from the content store into mounted snapshots. Answers what the uncompressed layer is: its digest is
   * the layer's diff id. A large layer takes minutes, so there is no deadline unless `options` has one.
   */
  async apply(layer: { diff: Descriptor; mounts: Mount[] }, options?: CallOptions): Promise<Descriptor> {
    const { applied } = await this.service.apply(
      { diff: toWireDescriptor(layer.diff), mounts: layer.mounts, payloads: {}, syncFs: this.syncFs },
      this.connection.stream(options),
    );
    return toDescriptor(applied);
  }
}
