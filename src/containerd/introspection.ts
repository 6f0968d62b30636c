import {
  IntrospectionDefinition,
  type Plugin as WirePlugin,
} from '../../generated/containerd/services/introspection/v1/introspection';
import type { Any } from '../model/any';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { isNotFound, isUnimplemented } from './errors';

/** A part of the daemon. */
export interface Plugin {
  type: string;
  id: string;
  requires: string[];
  platforms: { os: string; architecture: string; variant: string }[];
  exports: Record<string, string>;
  capabilities: string[];
  /** Why it does not work; absent when it does. */
  initError?: string;
}

export interface ServerInfo {
  uuid: string;
  /** As the daemon sees itself: from another pid namespace this is another number. 0 before 1.7. */
  pid: number;
  /** Inode of its pid namespace. 0n before 1.7. */
  pidns: bigint;
  /** What the daemon's configuration uses that a later release will not have. */
  deprecations: { id: string; message: string }[];
}

/** What the daemon consists of. */
export class Introspection {
  private readonly service: Client<typeof IntrospectionDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(IntrospectionDefinition);
  }

  /** The plugins that match one of `filters` (`type==…,id==…`; none: all), those that failed to start included. */
  async plugins(filters: string[] = [], options?: CallOptions): Promise<Plugin[]> {
    const { plugins } = await this.service.plugins({ filters }, this.connection.call(options));
    return plugins.map(toPlugin);
  }

  /** The daemon itself. */
  async server(options?: CallOptions): Promise<ServerInfo> {
    const { uuid, pid, pidns, deprecations } = await this.service.server({}, this.connection.call(options));
    return { uuid, pid: Number(pid), pidns, deprecations: deprecations.map(({ id, message }) => ({ id, message })) };
  }

  /**
   * What one plugin says of itself; for the runtime plugin that is what the OCI runtime named in `options` can do.
   * Undefined when the daemon has no such plugin, or is older than the question (before 1.7.34 and 2.0).
   */
  async pluginInfo(
    plugin: { type: string; id: string; options?: Any },
    options?: CallOptions,
  ): Promise<{ plugin: Plugin; extra?: Any } | undefined> {
    try {
      const answer = await this.service.pluginInfo(plugin, this.connection.call(options));
      return answer.plugin && { plugin: toPlugin(answer.plugin), extra: answer.extra };
    } catch (error) {
      if (isUnimplemented(error) || isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function toPlugin({ type, id, requires, platforms, exports, capabilities, initErr }: WirePlugin): Plugin {
  return {
    type,
    id,
    requires,
    platforms: platforms.map(({ os, architecture, variant }) => ({ os, architecture, variant })),
    exports,
    capabilities,
    ...(initErr ? { initError: initErr.message } : {}),
  };
}
