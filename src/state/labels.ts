/** Says of a containerd record that it is a pod's or a container's; records without it are not ours (nerdctl, ctr). */
export const KIND_LABEL = 'io.cri-containerd.kind';
export const KIND_SANDBOX = 'sandbox';
export const KIND_CONTAINER = 'container';

/** containerd refuses a label whose key and value together are longer, in bytes. */
const MAX_LABEL_BYTES = 4096;

/**
 * The labels of a containerd record: the image's, over them the CRI's, then the kind. Nothing that an image or a pod says
 * may reach the names by which containerd itself acts: its restart monitor runs what `containerd.io/restart.loguri` of
 * a record names, as root (CVE-2026-53488). What is left out here is kept in the record's metadata.
 */
export function recordLabels(what: {
  image: Readonly<Record<string, string>>;
  cri: Readonly<Record<string, string>>;
  kind: typeof KIND_SANDBOX | typeof KIND_CONTAINER;
}): Record<string, string> {
  const given = [...Object.entries(what.image), ...Object.entries(what.cri)].filter(isAllowed);
  return Object.fromEntries([...given, [KIND_LABEL, what.kind]]);
}

function isAllowed([key, value]: [string, string]): boolean {
  return !isReserved(key) && Buffer.byteLength(key) + Buffer.byteLength(value) <= MAX_LABEL_BYTES;
}

/** `containerd.io/…`, `….containerd.io/…` (new daemon features get such names) and `io.cri-containerd…`. */
function isReserved(key: string): boolean {
  const slash = key.indexOf('/');
  const domain = slash < 0 ? '' : key.slice(0, slash);
  return domain === 'containerd.io' || domain.endsWith('.containerd.io') || key.startsWith('io.cri-containerd');
}
