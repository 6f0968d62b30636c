/** A class that a pod or container asks for, and the annotation that says so. */
export interface AskedClass {
  readonly name: string;
  readonly annotation: string;
  /** It stands on the pod: whoever may make pods may write it. */
  readonly ofPod: boolean;
}

export type ClassKind = 'blockio' | 'rdt';

/**
 * The block I/O or RDT class of a container: its own annotation, else the pod's for a container of this name, else the
 * pod's for all. Undefined when nobody asks for one; an empty name asks for none.
 */
export function askedClass(
  kind: ClassKind,
  container: { name: string; annotations: Readonly<Record<string, string>> },
  podAnnotations: Readonly<Record<string, string>>,
): AskedClass | undefined {
  const ofPod = `${kind}.resources.beta.kubernetes.io`;
  const places: readonly (readonly [Readonly<Record<string, string>>, string, boolean])[] = [
    [container.annotations, `io.kubernetes.cri.${kind}-class`, false],
    [podAnnotations, `${ofPod}/container.${container.name}`, true],
    [podAnnotations, `${ofPod}/pod`, true],
  ];
  const found = places.find(([annotations, key]) => Object.hasOwn(annotations, key));
  if (!found) return undefined;
  const [annotations, annotation, onPod] = found;
  const name = annotations[annotation] ?? '';
  return name === '' ? undefined : { name, annotation, ofPod: onPod };
}

/** A table of a configuration file of classes. */
export function asTable(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${path}: is no table`);
}
