import type { Descriptor as WireDescriptor } from '../../generated/containerd/types/descriptor';
import type { Descriptor } from '../model/image';

/** A descriptor from the wire; an absent one is empty. Annotations are left out when there are none. */
export function toDescriptor(wire: WireDescriptor | undefined): Descriptor {
  if (!wire) return { mediaType: '', digest: '', size: 0n };
  const { mediaType, digest, size, annotations } = wire;
  return { mediaType, digest, size, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) };
}

/** A descriptor as containerd takes it. */
export function toWireDescriptor({ mediaType, digest, size, annotations = {} }: Descriptor): WireDescriptor {
  return { mediaType, digest, size, annotations };
}
