import { BUSYBOX, NGINX } from '../node/node';

/** Members of a v1.Container beside its name, image and command. */
export type ContainerParts = Readonly<Record<string, unknown>>;

/** A v1.Pod as kubelet reads it from a file. */
export interface Manifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: { readonly name: string; readonly [member: string]: unknown };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A container that runs `script` in busybox's shell. */
export function shell(name: string, script: string, parts: ContainerParts = {}): ContainerParts {
  return { name, image: BUSYBOX, command: ['sh', '-c', script], ...parts };
}

/** A container that serves a page on port 80. */
export function web(name: string, parts: ContainerParts = {}): ContainerParts {
  return { name, image: NGINX, ...parts };
}

/** A pod whose containers get a second to end, so that a test need not wait for the usual thirty. */
export function podManifest(name: string, containers: readonly ContainerParts[], spec: ContainerParts = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers, terminationGracePeriodSeconds: 1, ...spec },
  };
}

/** Every second; patient, since a busy machine is no fault of the container. */
const OFTEN = { periodSeconds: 1, timeoutSeconds: 10 };

/** A probe that runs `script` in the container every second. */
export function execProbe(script: string, parts: ContainerParts = {}): ContainerParts {
  return { exec: { command: ['sh', '-c', script] }, ...OFTEN, ...parts };
}

/** A probe that asks for a page on port 80 every second. */
export function httpProbe(path: string): ContainerParts {
  return { httpGet: { path, port: 80 }, ...OFTEN };
}

/** A probe that connects to a port every second. */
export function tcpProbe(port: number): ContainerParts {
  return { tcpSocket: { port }, ...OFTEN };
}
