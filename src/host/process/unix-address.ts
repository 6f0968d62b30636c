export const AF_UNIX = 1;

/** sun_path holds this many bytes, the closing zero not counted. */
export const MAX_SOCKET_PATH = 107;

/**
 * `struct sockaddr_un`: the family as a short in this machine's byte order, then the path and a zero. A path that begins
 * with `@` is an abstract address: a zero in the place of the sign, and none at the end.
 */
export function unixAddress(path: string): Buffer {
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`;
  return Buffer.concat([new Uint8Array(new Uint16Array([AF_UNIX]).buffer), Buffer.from(name)]);
}
