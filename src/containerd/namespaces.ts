import { NamespacesDefinition } from '../../generated/containerd/services/namespaces/v1/namespace';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { isAlreadyExists } from './errors';

/** containerd's own namespaces: each has its images, containers and leases to itself. */
export class Namespaces {
  private readonly service: Client<typeof NamespacesDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(NamespacesDefinition);
  }

  /** Afterwards the namespace exists. */
  async ensure(name: string, options?: CallOptions): Promise<void> {
    try {
      await this.service.create({ namespace: { name, labels: {} } }, this.connection.call(options));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  /** The names of all namespaces. */
  async list(options?: CallOptions): Promise<string[]> {
    const { namespaces } = await this.service.list({ filter: '' }, this.connection.call(options));
    return namespaces.map(({ name }) => name);
  }
}
