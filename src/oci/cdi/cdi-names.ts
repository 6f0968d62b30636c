const VENDOR = /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const DEVICE = /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/** True for the name of a device within its kind. */
export function isDeviceName(name: string): boolean {
  return name.length <= 1024 && DEVICE.test(name);
}

/** Checks `vendor/class` and answers it. */
export function parseKind(kind: string): string {
  const [vendor = '', name = '', ...rest] = kind.split('/');
  const valid = rest.length === 0 && kind.length <= 1024 && VENDOR.test(vendor) && VENDOR.test(name);
  if (!valid) throw new Error('spec.kind is not vendor/class');
  return kind;
}

/** True for `vendor/class=device`. */
export function isQualifiedName(text: string): boolean {
  const at = text.indexOf('=');
  if (at < 0 || !isDeviceName(text.slice(at + 1))) return false;
  const [vendor = '', name = '', ...rest] = text.slice(0, at).split('/');
  return rest.length === 0 && VENDOR.test(vendor) && VENDOR.test(name);
}
