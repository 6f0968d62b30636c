import { OciError } from './oci-error';

/** PATH_MAX, less the NUL behind the path that the kernel counts too. */
const PATH_BYTES = 4095;
/** NAME_MAX. */
const NAME_BYTES = 255;

/** Throws an OciError for a path that no kernel would take: with a NUL byte, or longer than 4,095 bytes. */
export function checkPath(path: string, field: string): void {
  if (path.includes('\0')) throw new OciError(field, 'the path has a NUL byte');
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_BYTES) throw new OciError(field, `the path has ${bytes} bytes, ${PATH_BYTES} are the limit`);
}

/** The same for a path that is made in the container: none of its names may be longer than 255 bytes either. */
export function checkPathInside(path: string, field: string): void {
  checkPath(path, field);
  const longest = Math.max(...path.split('/').map((name) => Buffer.byteLength(name)));
  if (longest > NAME_BYTES) {
    throw new OciError(field, `a name in the path has ${longest} bytes, ${NAME_BYTES} are the limit`);
  }
}
