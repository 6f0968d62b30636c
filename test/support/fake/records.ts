import { ContainerCreate, ContainerDelete } from '../../../generated/containerd/events/container';
import { ImageCreate, ImageDelete, ImageUpdate } from '../../../generated/containerd/events/image';
import type { Container, ContainersDefinition } from '../../../generated/containerd/services/containers/v1/containers';
import type { Image, ImagesDefinition } from '../../../generated/containerd/services/images/v1/images';
import type { LeasesDefinition } from '../../../generated/containerd/services/leases/v1/leases';
import type { NamespacesDefinition } from '../../../generated/containerd/services/namespaces/v1/namespace';
import type { StoreDefinition } from '../../../generated/containerd/services/sandbox/v1/sandbox';
import { applyMask } from './apply-mask';
import { fieldsOf, matches } from './filter';
import { collectGarbage } from './garbage';
import type { Rows } from './rows';
import { alreadyExists, invalidArgument, must, notFound, type World } from './world';

const IMAGE_EVENTS = 'containerd.services.images.v1';

/** Container records. */
export function containerRows(world: World): Rows<typeof ContainersDefinition> {
  const filtered = (all: Iterable<Container>, filters: string[]): Container[] =>
    [...all].filter(({ id, image, labels, runtime }) =>
      matches(filters, fieldsOf({ id, image, 'runtime.name': runtime?.name ?? '' }, labels)),
    );
  return {
    get: ({ id }, { ns }) => ({ container: must(ns.containers, id, 'container') }),
    list: ({ filters }, { ns }) => ({ containers: filtered(ns.containers.values(), filters) }),
    async *listStream({ filters }, { ns }) {
      for (const container of filtered(ns.containers.values(), filters)) yield { container };
    },
    create: ({ container }, { ns }) => {
      if (!container?.id) throw invalidArgument('container id');
      if (!container.runtime?.name) throw invalidArgument('container.Runtime.Name must be set');
      if (ns.containers.has(container.id)) throw alreadyExists(`container "${container.id}"`);
      const { id, image, runtime } = container;
      const now = world.now();
      const made = { ...container, createdAt: now, updatedAt: now };
      ns.containers.set(container.id, made);
      const value = Buffer.from(ContainerCreate.encode({ id, image, runtime }).finish());
      world.publish(ns.name, '/containers/create', { typeUrl: 'containerd.events.ContainerCreate', value });
      return { container: made };
    },
    update: ({ container, updateMask }, { ns }) => {
      if (!container) throw invalidArgument('container');
      const before = must(ns.containers, container.id, 'container');
      const after = applyMask(before, container, updateMask, ['id', 'createdAt']);
      ns.containers.set(container.id, { ...after, updatedAt: world.now() });
      return { container: after };
    },
    delete: ({ id }, { ns }) => {
      must(ns.containers, id, 'container');
      ns.containers.delete(id);
      const value = Buffer.from(ContainerDelete.encode({ id }).finish());
      world.publish(ns.name, '/containers/delete', { typeUrl: 'containerd.events.ContainerDelete', value });
      collectGarbage(world);
      return {};
    },
  };
}

/** Image names. */
export function imageRows(world: World): Rows<typeof ImagesDefinition> {
  return {
    get: ({ name }, { ns }) => ({ image: must(ns.images, name, 'image') }),
    list: ({ filters }, { ns }) => ({
      images: [...ns.images.values()].filter(({ name, labels, target }) =>
        matches(filters, fieldsOf({ name, 'target.digest': target?.digest ?? '' }, labels)),
      ),
    }),
    create: ({ image }, { ns }) => {
      if (!image?.name || !image.target?.digest) throw invalidArgument('image name and target');
      if (ns.images.has(image.name)) throw alreadyExists(`image "${image.name}"`);
      const now = world.now();
      const made: Image = { ...image, createdAt: now, updatedAt: now };
      ns.images.set(image.name, made);
      const value = Buffer.from(ImageCreate.encode({ name: image.name, labels: image.labels }).finish());
      world.publish(ns.name, '/images/create', { typeUrl: `${IMAGE_EVENTS}.ImageCreate`, value });
      return { image: made };
    },
    update: ({ image, updateMask }, { ns }) => {
      if (!image) throw invalidArgument('image');
      const before = must(ns.images, image.name, 'image');
      const after = { ...applyMask(before, image, updateMask, ['name', 'createdAt']), updatedAt: world.now() };
      ns.images.set(image.name, after);
      const value = Buffer.from(ImageUpdate.encode({ name: image.name, labels: after.labels }).finish());
      world.publish(ns.name, '/images/update', { typeUrl: `${IMAGE_EVENTS}.ImageUpdate`, value });
      return { image: after };
    },
    delete: ({ name }, { ns }) => {
      must(ns.images, name, 'image');
      ns.images.delete(name);
      const value = Buffer.from(ImageDelete.encode({ name }).finish());
      world.publish(ns.name, '/images/delete', { typeUrl: `${IMAGE_EVENTS}.ImageDelete`, value });
      collectGarbage(world);
      return {};
    },
  };
}

/** Leases. */
export function leaseRows(world: World): Rows<typeof LeasesDefinition> {
  return {
    create: ({ id, labels: given }, { ns }) => {
      if (!id) throw invalidArgument('lease id must be provided');
      // containerd keeps no label without a value.
      const labels = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
      if (ns.leases.has(id)) throw alreadyExists(`lease "${id}"`);
      const lease = { id, labels, createdAt: world.now(), resources: new Set<string>() };
      ns.leases.set(id, lease);
      return { lease: { id, labels, createdAt: lease.createdAt } };
    },
    delete: ({ id }, { ns }) => {
      must(ns.leases, id, 'lease');
      ns.leases.delete(id);
      collectGarbage(world);
      return {};
    },
    list: ({ filters }, { ns }) => ({
      leases: [...ns.leases.values()].filter(({ id, labels }) => matches(filters, fieldsOf({ id }, labels))),
    }),
    addResource: ({ id, resource }, { ns }) => {
      must(ns.leases, id, 'lease').resources.add(`${resource?.type} ${resource?.id}`);
      return {};
    },
    deleteResource: ({ id, resource }, { ns }) => {
      must(ns.leases, id, 'lease').resources.delete(`${resource?.type} ${resource?.id}`);
      return {};
    },
    listResources: ({ id }, { ns }) => ({
      resources: [...must(ns.leases, id, 'lease').resources].map((text) => {
        const at = text.indexOf(' ');
        return { type: text.slice(0, at), id: text.slice(at + 1) };
      }),
    }),
  };
}

/** containerd's namespaces: those that somebody made, and those that have a container. */
export function namespaceRows(world: World): Rows<typeof NamespacesDefinition> {
  const made = world.madeNamespaces;
  const get = (name: string) => {
    if (!made.has(name)) throw notFound(`namespace "${name}"`);
    return { name, labels: world.namespace(name).labels };
  };
  return {
    get: ({ name }) => ({ namespace: get(name) }),
    list: () => {
      const used = [...world.namespaces].filter(([, { containers }]) => containers.size > 0).map(([name]) => name);
      return {
        namespaces: [...new Set([...made, ...used])].map((name) => ({ name, labels: world.namespace(name).labels })),
      };
    },
    create: ({ namespace }) => {
      const name = namespace?.name ?? '';
      if (made.has(name)) throw alreadyExists(`namespace "${name}"`);
      made.add(name);
      Object.assign(world.namespace(name).labels, namespace?.labels);
      return { namespace: get(name) };
    },
    update: ({ namespace }) => ({ namespace: get(namespace?.name ?? '') }),
    delete: ({ name }) => {
      get(name);
      made.delete(name);
      return {};
    },
  };
}

/** Sandbox records, as releases from 1.7 on have them. */
export function sandboxRows(world: World): Rows<typeof StoreDefinition> {
  return {
    create: ({ sandbox }, { ns }) => {
      if (!sandbox?.sandboxId) throw invalidArgument('sandbox id');
      if (ns.sandboxes.has(sandbox.sandboxId)) throw alreadyExists(`sandbox "${sandbox.sandboxId}"`);
      const now = world.now();
      const made = { ...sandbox, createdAt: now, updatedAt: now };
      ns.sandboxes.set(sandbox.sandboxId, made);
      return { sandbox: made };
    },
    update: ({ sandbox, fields }, { ns }) => {
      if (!sandbox) throw invalidArgument('sandbox');
      const before = must(ns.sandboxes, sandbox.sandboxId, 'sandbox');
      const after = { ...applyMask(before, sandbox, fields, ['sandboxId', 'createdAt']), updatedAt: world.now() };
      ns.sandboxes.set(sandbox.sandboxId, after);
      return { sandbox: after };
    },
    get: ({ sandboxId }, { ns }) => ({ sandbox: must(ns.sandboxes, sandboxId, 'sandbox') }),
    list: ({ filters }, { ns }) => ({
      list: [...ns.sandboxes.values()].filter(({ sandboxId, labels }) =>
        matches(filters, fieldsOf({ id: sandboxId }, labels)),
      ),
    }),
    delete: ({ sandboxId }, { ns }) => {
      must(ns.sandboxes, sandboxId, 'sandbox');
      ns.sandboxes.delete(sandboxId);
      collectGarbage(world);
      return {};
    },
  };
}
