import { isUtf8 } from 'node:buffer';

/**
 * How the value of an environment variable stands in a container's record. CRI first said `string` and says `bytes` now;
 * on the wire the two are the same, in Go's JSON they are not. Every release of containerd itself writes and reads the
 * text as it is (its CRI package keeps that form on purpose); some distributions shipped builds that write base64, and
 * those refuse a record in the other form. So text is what we write unless told otherwise, and both are read.
 */
export type EnvForm = 'string' | 'base64';

const CANONICAL_BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The form a stored list of KeyValue is in. It is base64 only if nothing speaks against it: every value is canonical
 * base64 of valid UTF-8, and at least one is not empty. kubelet gives each container KUBERNETES_SERVICE_HOST and
 * KUBERNETES_PORT (`10.96.0.1`, `tcp://…`), which are never base64 as text, so its containers are always told apart.
 */
export function envFormOf(envs: unknown): EnvForm {
  if (!Array.isArray(envs)) return 'string';
  const values = envs.map((env: unknown) => (env as { value?: unknown } | null)?.value).filter((value) => !!value);
  // All are looked at before the first is decoded: one that is no base64 decides it, and kubelet's are at the end.
  return values.length > 0 && values.every(mayBeEncoded) && values.every(isEncoded) ? 'base64' : 'string';
}

/** The stored text of a value. As `string`, bytes that are not UTF-8 become replacement characters, as in Go. */
export function toEnvText(value: Buffer, form: EnvForm): string {
  return value.toString(form === 'base64' ? 'base64' : 'utf8');
}

/** The value that a stored text stands for. */
export function fromEnvText(text: string, form: EnvForm): Buffer {
  return Buffer.from(text, form === 'base64' ? 'base64' : 'utf8');
}

function mayBeEncoded(value: unknown): value is string {
  return typeof value === 'string' && CANONICAL_BASE64.test(value);
}

function isEncoded(value: string): boolean {
  const bytes = Buffer.from(value, 'base64');
  return isUtf8(bytes) && bytes.toString('base64') === value;
}
