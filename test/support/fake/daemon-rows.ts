import type { EventsDefinition } from '../../../generated/containerd/services/events/v1/events';
import type {
  IntrospectionDefinition,
  Plugin,
} from '../../../generated/containerd/services/introspection/v1/introspection';
import type { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import type { Envelope } from '../../../generated/containerd/types/event';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import { fieldsOf, matches } from './filter';
import type { Rows } from './rows';
import { notFound, type World } from './world';

/** A plugin of the daemon with what matters of it; the rest is empty. */
export function plugin(more: Partial<Plugin> & { type: string; id: string }): Plugin {
  return { requires: [], platforms: [], exports: {}, capabilities: [], ...more };
}

/** What the daemon says of itself. */
export function introspectionRows(world: World): Rows<typeof IntrospectionDefinition> {
  return {
    plugins: ({ filters }) => ({
      plugins: world.plugins.filter(({ type, id }) => matches(filters, fieldsOf({ type, id }))),
    }),
    server: () => ({ uuid: world.uuid, pid: BigInt(process.pid), pidns: 0n, deprecations: world.deprecations }),
    pluginInfo: ({ type, id }) => {
      if (!world.pluginInfo) throw new RpcError(Code.UNIMPLEMENTED, 'unknown method PluginInfo');
      const found = world.plugins.find((each) => each.type === type && each.id === id);
      if (!found) throw notFound(`plugin ${type}.${id}`);
      return { plugin: found, extra: world.pluginInfo };
    },
  };
}

/** The release. */
export function versionRows(world: World): Rows<typeof VersionDefinition> {
  return { version: () => world.version };
}

/** Events: those of this daemon, and what is published through it. */
export function eventRows(world: World): Rows<typeof EventsDefinition> {
  return {
    publish: ({ topic, event }, { ns }) => {
      if (event) world.publish(ns.name, topic, event);
      return {};
    },
    forward: ({ envelope }) => {
      if (envelope?.event) world.publish(envelope.namespace, envelope.topic, envelope.event);
      return {};
    },
    async *subscribe({ filters }, { signal }) {
      const queue: Envelope[] = [];
      let wake: () => void = () => undefined;
      const unsubscribe = world.subscribe((envelope) => {
        const { topic, namespace } = envelope;
        if (!matches(filters, fieldsOf({ topic, namespace }))) return;
        queue.push(envelope);
        wake();
      });
      try {
        signal.addEventListener('abort', () => wake(), { once: true });
        while (!signal.aborted) {
          const next = queue.shift();
          if (next) yield next;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        unsubscribe();
      }
    },
  };
}
