import type { Oddity } from './fake-registry';

const PORTAL = '<html><body>Please log in to this network.</body></html>';

/** Applies an oddity to blobs only. */
const onBlobs =
  (oddity: Oddity): Oddity =>
  (asked, response) =>
    asked.kind === 'blobs' && oddity(asked, response);

/** Answers with the right status and media type, and with other content. */
const manifestOf =
  (mediaType: string | undefined, body: string): Oddity =>
  ({ method }, response) => {
    response.writeHead(200, mediaType === undefined ? {} : { 'Content-Type': mediaType });
    response.end(method === 'HEAD' ? undefined : body);
    return true;
  };

/** Repositories that answer where a manifest should be, by what answers. */
export const ODD_MANIFESTS = {
  'portal-html': manifestOf('text/html; charset=utf-8', PORTAL),
  'portal-text': manifestOf('text/plain', 'log in'),
  'no-media-type': manifestOf(undefined, 'log in'),
  'broken-json': manifestOf('application/json', '{"schemaVersion": 2,'),
  'other-json': manifestOf('application/json', '{"status":"ok"}'),
  'json-list': manifestOf('application/json', '[]'),
  empty: manifestOf('text/html', ''),
} satisfies Record<string, Oddity>;

/** Repositories that refuse whatever is asked for, with a page instead of a registry's error document. */
export const ODD_REFUSALS: Record<'login-page' | 'proxy-error' | 'teapot', Oddity> = {
  'login-page': (_asked, response) => {
    response.writeHead(403, { 'Content-Type': 'text/html' }).end(PORTAL);
    return true;
  },
  'proxy-error': (_asked, response) => {
    response.writeHead(502, { 'Content-Type': 'text/html' }).end(PORTAL);
    return true;
  },
  teapot: (_asked, response) => {
    response.writeHead(418, { 'Content-Type': 'text/plain' }).end('short and stout');
    return true;
  },
};

/** Answers a blob with these bytes and 200, and says how many there are. */
const bytesOf = (make: (data: Buffer) => Buffer | string, mediaType = 'application/octet-stream'): Oddity =>
  onBlobs(({ data }, response) => {
    const body = Buffer.from(make(data));
    response.writeHead(200, { 'Content-Type': mediaType, 'Content-Length': body.length }).end(body);
    return true;
  });

/** Answers a blob with 200 and its right length, and breaks off. */
const brokenOff = (bytes: (data: Buffer) => Buffer): Oddity =>
  onBlobs(({ data }, response) => {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': data.length });
    const part = bytes(data);
    if (part.length === 0) response.flushHeaders();
    response.write(part.length === 0 ? '' : part, () => response.destroy());
    if (part.length === 0) setImmediate(() => response.destroy());
    return true;
  });

const half = (data: Buffer): Buffer => data.subarray(0, data.length >> 1);
const other = (data: Buffer): Buffer => Buffer.alloc(data.length, 'x');

/** Repositories that answer a blob with 200 and something else, by what they send; and what the error must tell of it. */
export const ODD_BLOBS: Record<string, Oddity> = {
  'no-bytes': bytesOf(() => ''),
  'too-few': bytesOf(half),
  'one-byte': bytesOf((data) => data.subarray(0, 1)),
  html: bytesOf(() => PORTAL, 'text/html'),
  'long-html': bytesOf((data) => Buffer.alloc(data.length * 2, PORTAL), 'text/html'),
  'html-of-its-length': bytesOf((data) => Buffer.alloc(data.length, PORTAL), 'text/html'),
  'other-bytes': bytesOf(other),
  'too-many': bytesOf((data) => Buffer.concat([data, Buffer.from('more')])),
  'one-bit-off': bytesOf((data) => Buffer.concat([data.subarray(0, -1), Buffer.from([(data.at(-1) ?? 0) ^ 1])])),
  'unannounced-html': onBlobs((_asked, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html', 'Transfer-Encoding': 'chunked' });
    response.write('<html>');
    response.end('</html>');
    return true;
  }),
  'closed-at-once': brokenOff(() => Buffer.alloc(0)),
  'closed-half-way': brokenOff(half),
  'other-bytes-half-way': brokenOff((data) => half(other(data))),
  'no-content': onBlobs((_asked, response) => {
    response.writeHead(204).end();
    return true;
  }),
  'not-modified': onBlobs((_asked, response) => {
    response.writeHead(304).end();
    return true;
  }),
  gone: onBlobs((_asked, response) => {
    response.writeHead(410).end();
    return true;
  }),
};

/** Sends half of a blob and breaks off; what follows is answered by `rest`, which gets requests with a range only. */
const thenRanges = (rest: Oddity): Oddity =>
  onBlobs((asked, response) => {
    if (asked.headers.range !== undefined) return rest(asked, response);
    if (asked.nth > 1) return false;
    response.writeHead(200, { 'Content-Type': asked.mediaType, 'Content-Length': asked.data.length });
    response.write(half(asked.data), () => response.destroy());
    return true;
  });

const refusing = (status: number): Oddity =>
  thenRanges((_asked, response) => {
    response.writeHead(status).end();
    return true;
  });

/** Repositories that send no part of a blob, by how they say so. */
export const NO_RANGES: Record<string, Oddity> = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 405, 406, 412, 416, 417, 501, 505, 500, 502, 503].map((status) => [
      `range-${status}`,
      refusing(status),
    ]),
  ),
  'all-of-it': thenRanges(({ data }, response) => {
    response.writeHead(200, { 'Content-Length': data.length }).end(data);
    return true;
  }),
  'accept-ranges-none': thenRanges(({ data }, response) => {
    response.writeHead(200, { 'Accept-Ranges': 'none', 'Transfer-Encoding': 'chunked' }).end(data);
    return true;
  }),
  'partial-without-range': thenRanges(({ data }, response) => {
    response.writeHead(206, { 'Content-Length': data.length }).end(data);
    return true;
  }),
  'all-of-it-as-a-part': thenRanges(({ data }, response) => {
    response.writeHead(206, { 'Content-Range': `bytes 0-${data.length - 1}/${data.length}` }).end(data);
    return true;
  }),
  'a-part-of-no-range': thenRanges(({ data }, response) => {
    response.writeHead(206, { 'Content-Range': `bytes */${data.length}` }).end(data);
    return true;
  }),
  'a-part-in-other-units': thenRanges(({ data }, response) => {
    response.writeHead(206, { 'Content-Range': 'items 1-2/3' }).end(data);
    return true;
  }),
  'several-parts-in-one': thenRanges((_asked, response) => {
    response.writeHead(206, { 'Content-Type': 'multipart/byteranges; boundary=x' }).end('--x\r\n\r\n\r\n--x--');
    return true;
  }),
  'range-cut-off': thenRanges((_asked, response) => {
    response.destroy();
    return true;
  }),
  'range-of-the-beginning': thenRanges(({ data, headers }, response) => {
    const from = Number(/\d+/.exec(headers.range ?? '')?.[0]);
    const part = data.subarray(0, data.length - from);
    response.writeHead(206, { 'Content-Range': `bytes ${from}-${data.length - 1}/${data.length}` }).end(part);
    return true;
  }),
  'no-content-for-a-range': refusing(204),
};
