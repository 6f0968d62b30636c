import { type JsonMessage, jsonFields } from '../../../generated/cri/v1/json-fields';
import { POD_CASES } from '../../support/specs/pod-cases';

/** Fields that no case has, by a pattern over their paths, and why. */
const LEFT_OUT: readonly (readonly [RegExp, string])[] = [
  [/^PodSandboxConfig\.metadata\.(name|uid|namespace)$/, 'those of each case are made of its name'],
  [/^ContainerConfig\.metadata\.name$/, 'the same'],
  [/^PodSandboxConfig\..*\.namespaceOptions\.targetId$/, 'only a container has a target'],
  [/^ContainerConfig\.mounts\.image\.(?!image$)/, 'as those of the container’s own image'],
  [/^\w+\.windows\./, 'both run on Linux'],
];

describe('the pods and containers that specs are compared of', () => {
  it('have every field of their messages', () => {
    const pods = POD_CASES.flatMap(({ config }) => named('PodSandboxConfig', config));
    const containers = POD_CASES.flatMap((each) =>
      each.containers.flatMap(({ config }) => named('ContainerConfig', config)),
    );
    const had = new Set([...pods, ...containers]);
    const missing = [...leaves('PodSandboxConfig'), ...leaves('ContainerConfig')].filter((field) => !had.has(field));
    expect(missing.filter((field) => !LEFT_OUT.some(([pattern]) => pattern.test(field)))).toEqual([]);
    expect(LEFT_OUT.filter(([pattern]) => !missing.some((field) => pattern.test(field)))).toEqual([]);
  });
});

/** Paths of all fields below a message that are no messages. */
function leaves(message: JsonMessage, path: string = message): string[] {
  return jsonFields[message].flatMap(({ key, type }) => {
    const at = `${path}.${key}`;
    return typeof type === 'object' && 'message' in type ? leaves(type.message, at) : [at];
  });
}

/** Those of them that a value has. */
function named(message: JsonMessage, value: unknown, path: string = message): string[] {
  return jsonFields[message].flatMap(({ key, type }) => {
    const member = (value as Record<string, unknown>)[key];
    const at = `${path}.${key}`;
    if (member === undefined) return [];
    if (typeof type !== 'object' || !('message' in type)) return [at];
    return [member].flat().flatMap((each) => named(type.message, each, at));
  });
}
