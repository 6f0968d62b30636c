import { VersionDefinition } from '../../generated/containerd/services/version/v1/version';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';

/** Which containerd it is. */
export class Version {
  private readonly service: Client<typeof VersionDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(VersionDefinition);
  }

  /** Release (`v2.1.4`, some builds without the v) and commit. */
  version(options?: CallOptions): Promise<{ version: string; revision: string }> {
    return this.service.version({}, this.connection.call(options));
  }
}
