/** Versions of the CDI specification, oldest first. */
const VERSIONS = ['0.3.0', '0.4.0', '0.5.0', '0.6.0', '0.7.0', '0.8.0', '1.0.0', '1.1.0'];

/** Fields that came later than the first version, wherever they are in a document. */
const SINCE: Readonly<Record<string, string>> = {
  hostPath: '0.5.0',
  annotations: '0.6.0',
  intelRdt: '0.7.0',
  additionalGids: '0.7.0',
  netDevices: '1.1.0',
};

type Fields = Record<string, unknown>;

function object(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(object) : [];
}

function allEdits(document: Fields): Fields[] {
  return [object(document.containerEdits), ...list(document.devices).map((device) => object(device.containerEdits))];
}

/** The first version that has everything a document uses. */
function needed(document: Fields): string {
  const used = new Set<string>();
  for (const edits of allEdits(document)) {
    for (const name of ['intelRdt', 'additionalGids', 'netDevices']) if (edits[name]) used.add(name);
    if (list(edits.deviceNodes).some((node) => node.hostPath)) used.add('hostPath');
  }
  if (document.annotations) used.add('annotations');
  const wanted = [...used].map((name) => VERSIONS.indexOf(SINCE[name] ?? ''));
  return VERSIONS[Math.max(0, ...wanted)] ?? '';
}

/** Throws unless the version exists and has everything that the document uses. */
export function requireVersion(version: string, document: unknown): void {
  const plain = version.startsWith('v') ? version.slice(1) : version;
  if (!VERSIONS.includes(plain)) throw new Error('spec.cdiVersion is not known');
  const least = needed(object(document));
  if (VERSIONS.indexOf(plain) < VERSIONS.indexOf(least)) {
    throw new Error(`spec.cdiVersion is ${version}, but what is in it needs ${least}`);
  }
}
