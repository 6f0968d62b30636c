/** Says of a containerd record that it is a pod's or a container's; records without it are not ours (nerdctl, ctr). */
export const KIND_LABEL = 'io.cri-containerd.kind';
export const KIND_SANDBOX = 'sandbox';
export const KIND_CONTAINER = 'container';

/** containerd refuses a label whose key and value together are longer, in bytes. */
const MAX_LABEL_BYTES = 4096;

/**
 * What a record may have of labels that pods and images say, each label counted with key and value. containerd writes them
 * one by one into one page of its database, in time that grows with the square of their number, and again at each update.
 */
export const MAX_RECORD_LABELS = { count: 1024, bytes: 256 * 1024 } as const;
/** Labels by which cAdvisor in kubelet, and crisp where a record's metadata is torn, know a container. They come first. */
const KUBELET_PREFIX = 'io.kubernetes.';

type Labels = Readonly<Record<string, string>>;

/**
 * The labels of a containerd record: the image's, over them the CRI's, then the kind. Nothing that an image or a pod says
 * may reach the names by which containerd itself acts: its restart monitor runs what `containerd.io/restart.loguri` of
 * a record names, as root (CVE-2026-53488). What is left out here is kept in the record's metadata, from which CRI is
 * answered, by crisp and by containerd's plugin alike: labels of a record are for filters only. So beyond the limit labels
 * are left out too, kubelet's last.
 */
export function recordLabels(what: {
  image: Labels;
  cri: Labels;
  kind: typeof KIND_SANDBOX | typeof KIND_CONTAINER;
}): Record<string, string> {
  const kept = new Map<string, string>();
  let bytes = 0;
  for (const [key, value] of mostWantedFirst(what)) {
    const more = bytesOf(key, value);
    if (isReserved(key) || more > MAX_LABEL_BYTES || bytes + more > MAX_RECORD_LABELS.bytes) continue;
    kept.set(key, value);
    bytes += more;
    if (kept.size === MAX_RECORD_LABELS.count) break;
  }
  return Object.fromEntries(kept.set(KIND_LABEL, what.kind));
}

/** Each label once: those of kubelet, the other ones of CRI, those of the image. */
function* mostWantedFirst({ image, cri }: { image: Labels; cri: Labels }): Generator<[string, string]> {
  const asked = Object.entries(cri);
  yield* asked.filter(([key]) => key.startsWith(KUBELET_PREFIX));
  yield* asked.filter(([key]) => !key.startsWith(KUBELET_PREFIX));
  for (const key of Object.keys(image)) if (!Object.hasOwn(cri, key)) yield [key, image[key] ?? ''];
}

function bytesOf(key: string, value: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}

/** `containerd.io/…`, `….containerd.io/…` (new daemon features get such names) and `io.cri-containerd…`. */
function isReserved(key: string): boolean {
  const slash = key.indexOf('/');
  const domain = slash < 0 ? '' : key.slice(0, slash);
  return domain === 'containerd.io' || domain.endsWith('.containerd.io') || key.startsWith('io.cri-containerd');
}
