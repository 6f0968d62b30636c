import { errorMessage } from '../base/errors';
import type { ContainerRecord } from '../containerd/containers';
import type { SandboxMetadata } from '../model/sandbox';
import { hasPodNetwork } from '../pods/pod-network-config';
import { partialSandboxMetadata } from '../state/partial-metadata';
import { parseSandboxMetadata, SANDBOX_EXTENSION } from '../state/records';
import type { Asked } from './inventory';
import type { RecoverDeps } from './recover-deps';

const STORE_TIMEOUT_MS = 5000;

/** What is known of a pod; with `unreadable` that is not all. */
export interface ReadPod {
  readonly metadata: SandboxMetadata;
  readonly unreadable?: string;
}

/**
 * A pod's metadata: from its record, else from its copy in containerd's sandbox store or in crisp's journal. Its network is
 * in the store (2.x: the record is older) and in the journal. What none of them has is left open, and said to be.
 */
export async function readPod(
  deps: RecoverDeps,
  record: ContainerRecord,
  { stored, journal }: Pick<Asked, 'stored' | 'journal'>,
): Promise<ReadPod> {
  const own = metadataIn(record.extensions[SANDBOX_EXTENSION], record.id);
  const copies = [metadataIn(stored?.get(record.id)?.extensions.metadata, record.id), journal.get(record.id)?.metadata];
  const known = complete([own, ...copies]);
  if (known) return { metadata: known };
  let problem: string | undefined;
  // The list was not answered, or left it out.
  if (deps.daemon.features.sandboxStore && !stored?.has(record.id)) {
    try {
      const asked = await deps.containerd.sandboxStore.get(record.id, { timeoutMs: STORE_TIMEOUT_MS });
      copies.push(metadataIn(asked?.extensions.metadata, record.id));
    } catch (error) {
      problem = `containerd's sandbox store does not answer: ${errorMessage(error)}`;
    }
  }
  const metadata = complete([own, ...copies]) ?? own ?? copies.find((copy) => copy !== undefined);
  if (metadata) return { metadata, unreadable: lacksNetwork(metadata) ? problem : undefined };
  return { metadata: partialSandboxMetadata(record), unreadable: problem ?? 'its record in containerd cannot be read' };
}

/** The first of them, with the network of the first that has it; undefined when none has all that there is. */
function complete(copies: readonly (SandboxMetadata | undefined)[]): SandboxMetadata | undefined {
  const [first, ...others] = copies.filter((copy) => copy !== undefined);
  if (!first || !lacksNetwork(first)) return first;
  const connected = others.find((copy) => !lacksNetwork(copy));
  if (!connected) return undefined;
  const { netnsPath, ip, additionalIps, cniResult } = connected;
  return { ...first, netnsPath, ip, additionalIps, cniResult };
}

/** A pod on the node's network never has an address of its own. */
function lacksNetwork({ config, ip }: SandboxMetadata): boolean {
  return hasPodNetwork(config) && ip === '';
}

/** Metadata in an extension; undefined when it cannot be read or is another pod's. */
function metadataIn(extension: { readonly value: Buffer } | undefined, id: string): SandboxMetadata | undefined {
  const metadata = extension && parseSandboxMetadata(extension.value);
  return metadata?.id === id ? metadata : undefined;
}
