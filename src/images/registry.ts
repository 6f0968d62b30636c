import type { Readable } from 'node:stream';
import type { Descriptor } from '../model/image';
import { credentialsFor, type PullAuth } from './credentials';
import { digestLike, digestOf, isDigest, isSha256 } from './digest';
import { Endpoint, type RetryRule } from './endpoint';
import { PullError, refused, unreachable } from './errors';
import { discard, type HttpClient, type HttpResponse, readBody } from './http';
import type { LayerEntry } from './manifests';
import { MAX_MANIFEST_BYTES, parseDocument } from './manifests';
import { ACCEPT_MANIFESTS, bareType, documentKind, isForeignLayer } from './media-types';
import type { Progress, Transfer } from './progress';
import { redactUrl } from './redact';
import type { Reference } from './reference';
import { type Capability, type RegistryHost, SYSTEM_TRUST } from './registry-host';

export interface RegistryOptions {
  readonly http: HttpClient;
  readonly hosts: readonly RegistryHost[];
  readonly reference: Reference;
  readonly auth: PullAuth | undefined;
  readonly progress: Progress;
  readonly retry: RetryRule;
}

/** What a reference points at, with its document if it had to be read for that. */
export interface Resolved {
  readonly descriptor: Descriptor;
  readonly document?: Buffer;
}

/** A blob on its way: `offset` is where the stream starts, which may be 0 though more was asked for. */
export interface BlobStream {
  readonly offset: bigint;
  readonly body: Readable;
  readonly transfer: Transfer;
}

/** The host does not send parts of a blob. */
export class RangesIgnored extends Error {
  override readonly name = 'RangesIgnored';
}

/** One repository as its hosts, mirrors first, serve it. Everything read is held against its digest. */
export class Registry {
  private readonly endpoints: readonly Endpoint[];

  constructor(private readonly options: RegistryOptions) {
    const { http, hosts, reference, auth, retry } = options;
    const { domain } = reference;
    this.endpoints = hosts.map((host) => {
      const credentials = credentialsFor(auth, { host: host.host, domain });
      return new Endpoint({ http, host, reference, credentials, retry });
    });
  }

  /** Asks what the reference points at now. A digest is asked for too: whether we may have the image is for the registry to say. */
  async resolve(): Promise<Resolved> {
    const { reference } = this.options;
    if (reference.digest !== undefined) {
      const wanted = reference.digest;
      return this.onEachHost(['pull'], reference.toString(), (endpoint) => this.getManifest(endpoint, wanted, wanted));
    }
    const tag = reference.tag ?? 'latest';
    return this.onEachHost(['resolve'], reference.toString(), async (endpoint) => {
      return (await this.headManifest(endpoint, tag)) ?? (await this.getManifest(endpoint, tag, undefined));
    });
  }

  /** The manifest or index that a descriptor names. */
  async manifest(descriptor: Descriptor): Promise<Buffer> {
    const what = `the manifest ${descriptor.digest}`;
    const found = await this.onEachHost(['pull'], what, (endpoint) =>
      this.getManifest(endpoint, descriptor.digest, descriptor.digest),
    );
    return found.document;
  }

  /** A stream of a blob from `offset` on. End its transfer. Foreign layers are also looked for where their manifest says. */
  async blob({ descriptor, urls }: LayerEntry, offset: bigint): Promise<BlobStream> {
    const what = `the blob ${descriptor.digest}`;
    try {
      return await this.onEachHost(['pull'], what, (endpoint) => this.getBlob(endpoint, descriptor, offset));
    } catch (error) {
      const elsewhere = isForeignLayer(descriptor.mediaType) ? urls : [];
      if (elsewhere.length === 0 || this.signal.aborted) throw error;
      return this.foreignBlob(descriptor, elsewhere, offset);
    }
  }

  /** The bytes of a blob from `from` up to `to`. Throws RangesIgnored when the host sends the whole blob instead. */
  async blobPart({ digest }: Descriptor, part: { from: bigint; to: bigint }, signal: AbortSignal): Promise<Buffer> {
    const what = `the blob ${digest}`;
    const headers = { Range: `bytes=${part.from}-${part.to - 1n}` };
    const both = AbortSignal.any([this.signal, signal]);
    return this.onEachHost(['pull'], what, async (endpoint) => {
      const transfer = this.options.progress.begin();
      try {
        const request = {
          method: 'GET',
          rest: `blobs/${digest}`,
          headers,
          signal: both,
          plainRedirects: true,
        } as const;
        const response = await endpoint.ask(request);
        if (response.status === 200) {
          discard(response.body);
          throw new RangesIgnored();
        }
        if (response.status !== 206) throw await endpoint.failure(response, what);
        startOf(response, part.from);
        return await readPart(response, Number(part.to - part.from), transfer);
      } finally {
        transfer.end();
      }
    });
  }

  private get signal(): AbortSignal {
    return this.options.progress.signal;
  }

  /** The first host's answer that is one. All that failed is told, and the last one, the registry itself, says of what kind it was. */
  private async onEachHost<T>(
    capabilities: readonly Capability[],
    what: string,
    act: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    const failures: PullError[] = [];
    for (const endpoint of this.endpoints) {
      if (!capabilities.every((capability) => endpoint.host.capabilities.has(capability))) continue;
      try {
        return await act(endpoint);
      } catch (error) {
        if (this.signal.aborted) throw this.signal.reason;
        if (!(error instanceof PullError)) throw error;
        failures.push(error);
      }
    }
    const last = failures.at(-1);
    if (failures.length === 1 && last) throw last;
    if (!last) throw refused(`no host is configured from which to get ${what}`);
    throw new PullError(last.kind, `${what}: ${failures.map(({ message }) => message).join('; ')}`);
  }

  private async headManifest(endpoint: Endpoint, tag: string): Promise<Resolved | undefined> {
    const response = await this.tracked((signal) =>
      endpoint.ask({ method: 'HEAD', rest: `manifests/${tag}`, headers: { Accept: ACCEPT_MANIFESTS }, signal }),
    );
    discard(response.body);
    if (response.status === 401 || response.status === 403 || response.status === 404) {
      throw await endpoint.failure(response, `the tag "${tag}"`);
    }
    const digest = String(response.headers['docker-content-digest'] ?? '');
    const mediaType = bareType(response.headers['content-type'] ?? '');
    const size = Number(response.headers['content-length'] ?? Number.NaN);
    const usable = response.status === 200 && isSha256(digest) && documentKind(mediaType) && size > 0;
    return usable ? { descriptor: { mediaType, digest, size: BigInt(size) } } : undefined;
  }

  /** A manifest by tag or digest. `wanted` is the digest it must have; without it, the one the host claims. */
  private async getManifest(endpoint: Endpoint, name: string, wanted: string | undefined): Promise<Required<Resolved>> {
    const what = `the manifest "${name}"`;
    const transfer = this.options.progress.begin();
    try {
      const signal = this.signal;
      const headers = { Accept: ACCEPT_MANIFESTS };
      const response = await endpoint.ask({ method: 'GET', rest: `manifests/${name}`, headers, signal });
      if (response.status !== 200) throw await endpoint.failure(response, what);
      const document = await readBody(response, MAX_MANIFEST_BYTES);
      if (!document) throw refused(`${what} is bigger than ${MAX_MANIFEST_BYTES} bytes`);
      transfer.moved(document.length);
      const claimed = wanted ?? String(response.headers['docker-content-digest'] ?? '');
      if (isDigest(claimed) && digestLike(claimed, document) !== claimed) {
        throw refused(`${what}: what ${redactUrl(response.url)} sent does not have the digest ${claimed}`);
      }
      const declared = bareType(response.headers['content-type'] ?? '');
      const { mediaType } = parseDocument(document, declared, what);
      return { descriptor: { mediaType, digest: digestOf(document), size: BigInt(document.length) }, document };
    } finally {
      transfer.end();
    }
  }

  private async getBlob(endpoint: Endpoint, descriptor: Descriptor, offset: bigint): Promise<BlobStream> {
    return this.streaming(offset, async (signal) => {
      const rest = `blobs/${descriptor.digest}`;
      const headers = rangeFrom(offset);
      const response = await endpoint.ask({ method: 'GET', rest, headers, signal, plainRedirects: true });
      if (response.status === 200 || response.status === 206) return response;
      throw await endpoint.failure(response, `the blob ${descriptor.digest}`);
    });
  }

  /** From wherever an image says: nothing that is ours goes along, neither credentials nor configured headers nor certificates. */
  private async foreignBlob(descriptor: Descriptor, urls: readonly string[], offset: bigint): Promise<BlobStream> {
    let failure: unknown = refused(`the foreign layer ${descriptor.digest} has no address that can be used`);
    for (const text of urls) {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) continue;
      try {
        return await this.streaming(offset, async (signal) => {
          const request = {
            method: 'GET',
            url,
            headers: rangeFrom(offset),
            private: {},
            trust: SYSTEM_TRUST,
            signal,
          } as const;
          const response = await this.options.http.request({ ...request, plainRedirects: true });
          if (response.status === 200 || response.status === 206) return response;
          discard(response.body);
          throw refused(`the foreign layer ${descriptor.digest}: ${redactUrl(url)} answered ${response.status}`);
        });
      } catch (error) {
        if (this.signal.aborted) throw this.signal.reason;
        failure = error;
      }
    }
    throw failure;
  }

  private async streaming(offset: bigint, open: (signal: AbortSignal) => Promise<HttpResponse>): Promise<BlobStream> {
    const transfer = this.options.progress.begin();
    try {
      const response = await open(this.signal);
      return { offset: startOf(response, offset), body: response.body, transfer };
    } catch (error) {
      transfer.end();
      throw error;
    }
  }

  private async tracked<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const transfer = this.options.progress.begin();
    try {
      return await act(this.signal);
    } finally {
      transfer.end();
    }
  }
}

/** Exactly so many bytes of a body. */
async function readPart(response: HttpResponse, bytes: number, transfer: Transfer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      transfer.moved(chunk.length);
      size += chunk.length;
      if (size > bytes) throw refused(`${redactUrl(response.url)} sent more of the blob than was asked for`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof PullError) throw error;
    throw unreachable('the connection broke', error);
  }
  if (size < bytes) throw unreachable(`the part of a blob broke off after ${size} of ${bytes} bytes`);
  return Buffer.concat(chunks, size);
}

function rangeFrom(offset: bigint): Record<string, string> {
  return offset > 0n ? { Range: `bytes=${offset}-` } : {};
}

/** Where the body starts: a server may send all though a part was asked for, and must not send another part. */
function startOf(response: HttpResponse, asked: bigint): bigint {
  if (response.status === 200) return 0n;
  const range = /^bytes (\d{1,18})-/.exec(response.headers['content-range'] ?? '');
  if (range?.[1] !== undefined && BigInt(range[1]) === asked) return asked;
  discard(response.body);
  throw refused(`${redactUrl(response.url)} sent another part of the blob than was asked for`);
}
