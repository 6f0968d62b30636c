import type { Container } from '../model/container';
import { parseSignal } from '../oci/process/signal';

const SIGTERM = 15;

/** The number of the signal that asks a container to end: its own, its image's, or SIGTERM when neither can be read. */
export function containerSignal(container: Container): number {
  return parseSignal(container.metadata.stopSignal || 'SIGTERM') ?? SIGTERM;
}
