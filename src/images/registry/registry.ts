import type { Descriptor } from '../../model/image';
import { digestLike, digestOf, isDigest, isSha256 } from '../document/digest';
import { MAX_MANIFEST_BYTES } from '../document/document-limits';
import type { LayerEntry } from '../document/manifests';
import { parseDocument } from '../document/manifests';
import { ACCEPT_MANIFESTS, bareType, documentKind, isForeignLayer } from '../document/media-types';
import type { Reference } from '../document/reference';
import { PullError, refused, unreachable } from '../errors';
import { redactUrl } from '../redact';
import { answered, failureOf, failureOfAll, isNotServed, naming } from './answer';
import { BlobSource } from './blob-source';
import { credentialsFor, type PullAuth } from './credentials';
import { KNOWN_DEAD } from './dead-hosts';
import { Endpoint } from './endpoint';
import type { HttpClient } from './http';
import { discard, type HttpResponse, readBody } from './http-body';
import { isPassing } from './passing';
import type { Progress } from './progress';
import { type Capability, type RegistryHost, SYSTEM_TRUST } from './registry-host';
import { patiently, type RetryRule } from './retry';

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

/** A manifest to be asked for: `wanted` is the digest it must have; without it, the one the host claims. */
interface Wanted {
  readonly name: string;
  readonly wanted: string | undefined;
  readonly insist: boolean;
}

/** One repository as its hosts, mirrors first, serve it. Everything read is held against its digest. */
export class Registry {
  private readonly endpoints: readonly Endpoint[];
  /** The host that has told what the tag points at. */
  private resolvedAt: Endpoint | undefined;
  /** Hosts that have sent something else instead of a blob. */
  private readonly suspects = new Set<Endpoint>();

  constructor(private readonly options: RegistryOptions) {
    const { http, hosts, reference, auth, retry } = options;
    const { domain } = reference;
    this.endpoints = hosts.map((host) => {
      const credentials = credentialsFor(auth, { host: host.host, domain });
      return new Endpoint({ http, host, reference, credentials, retry, alone: hosts.length === 1 });
    });
  }

  /** Asks what the reference points at now. A digest is asked for too: whether we may have the image is for the registry to say. */
  async resolve(): Promise<Resolved> {
    const { reference } = this.options;
    if (reference.digest !== undefined) {
      const wanted = reference.digest;
      return this.onEachHost(['pull'], reference.toString(), (endpoint, insist) =>
        this.getManifest(endpoint, { name: wanted, wanted, insist }),
      );
    }
    const tag = reference.tag ?? 'latest';
    return this.onEachHost(['resolve'], reference.toString(), async (endpoint, insist) => {
      const found =
        (await this.headManifest(endpoint, tag, insist)) ??
        (await this.getManifest(endpoint, { name: tag, wanted: undefined, insist }));
      this.resolvedAt = endpoint;
      return found;
    });
  }

  /** The manifest or index that a descriptor names; `isTagged` if it is what the tag of the reference points at. */
  async manifest({ digest }: Descriptor, isTagged: boolean): Promise<Buffer> {
    const tag = isTagged ? this.options.reference.tag : undefined;
    return this.onEachHost(['pull'], `the manifest ${digest}`, (endpoint, insist) =>
      this.getByDigest(endpoint, digest, { tag, insist }),
    );
  }

  /**
   * Where a blob may be had, in the order in which to ask: hosts that have sent something else instead of a blob come last.
   * Foreign layers are also looked for where their manifest says.
   */
  blobSources({ descriptor, urls }: LayerEntry): BlobSource[] {
    const able = this.endpoints.filter(({ host }) => host.capabilities.has('pull'));
    const trusted = able.filter((endpoint) => !this.suspects.has(endpoint));
    const hosts = [...trusted, ...able.filter((endpoint) => this.suspects.has(endpoint))];
    const elsewhere = isForeignLayer(descriptor.mediaType) ? urls : [];
    return [
      ...hosts.map((endpoint) => this.sourceAt(endpoint, descriptor)),
      ...elsewhere.flatMap((text) => this.foreignSource(descriptor, text) ?? []),
    ];
  }

  private get signal(): AbortSignal {
    return this.options.progress.signal;
  }

  /**
   * The first host's answer that is one. What failed at each host is told. Hosts known to be dead are dialled after all when
   * no other one has answered.
   */
  private async onEachHost<T>(
    capabilities: readonly Capability[],
    what: string,
    act: (endpoint: Endpoint, insist: boolean) => Promise<T>,
  ): Promise<T> {
    const failures = new Map<Endpoint, PullError>();
    const able = this.endpoints.filter(({ host }) => capabilities.every((each) => host.capabilities.has(each)));
    const firstOf = async (endpoints: readonly Endpoint[], insist: boolean): Promise<T | undefined> => {
      for (const endpoint of endpoints) {
        try {
          return await act(endpoint, insist);
        } catch (error) {
          if (this.signal.aborted) throw this.signal.reason;
          if (!(error instanceof PullError)) throw error;
          failures.set(endpoint, error);
        }
      }
      return undefined;
    };
    const found = await firstOf(able, false);
    if (found !== undefined) return found;
    const nobody = [...failures.values()].every(({ kind, status }) => kind === 'registry' && status === undefined);
    const passedOver = able.filter((endpoint) => failures.get(endpoint)?.code === KNOWN_DEAD);
    const late = nobody ? await firstOf(passedOver, true) : undefined;
    if (late !== undefined) return late;
    throw failureOfAll(what, [...failures.values()]);
  }

  /** What HEAD says of a tag; undefined for GET to find out: some registries answer that though they refuse HEAD. */
  private async headManifest(endpoint: Endpoint, tag: string, insist: boolean): Promise<Resolved | undefined> {
    const response = await this.tracked((signal) =>
      endpoint.ask({ method: 'HEAD', rest: `manifests/${tag}`, headers: { Accept: ACCEPT_MANIFESTS }, signal, insist }),
    );
    discard(response.body);
    if (response.status === 401) throw await failureOf(response, `the tag "${tag}"`);
    const digest = String(response.headers['docker-content-digest'] ?? '');
    const mediaType = bareType(response.headers['content-type'] ?? '');
    const size = Number(response.headers['content-length'] ?? Number.NaN);
    const usable = response.status === 200 && isSha256(digest) && documentKind(mediaType) && size > 0;
    return usable ? { descriptor: { mediaType, digest, size: BigInt(size) } } : undefined;
  }

  /** A manifest by tag or digest. */
  private async getManifest(endpoint: Endpoint, { name, wanted, insist }: Wanted): Promise<Required<Resolved>> {
    const what = `the manifest "${name}"`;
    const transfer = this.options.progress.begin();
    try {
      const signal = this.signal;
      const headers = { Accept: ACCEPT_MANIFESTS };
      const request = { method: 'GET', rest: `manifests/${name}`, headers, signal, insist } as const;
      const moved = (bytes: number): void => transfer.moved(bytes);
      const { response, document } = await endpoint.read(request, (answer) => readManifest(answer, what, moved));
      transfer.done();
      const claimed = wanted ?? String(response.headers['docker-content-digest'] ?? '');
      if (isDigest(claimed) && digestLike(claimed, document) !== claimed) {
        throw refused(`${what} does not have the digest ${claimed}: ${answered(response)}`);
      }
      const declared = bareType(response.headers['content-type'] ?? '');
      const { mediaType } = naming(response, () => parseDocument(document, declared, what));
      return { descriptor: { mediaType, digest: digestOf(document), size: BigInt(document.length) }, document };
    } finally {
      transfer.end();
    }
  }

  /** Some registries serve a manifest by its tag only. What comes by the tag must have the digest all the same. */
  private async getByDigest(
    endpoint: Endpoint,
    digest: string,
    by: { tag?: string; insist: boolean },
  ): Promise<Buffer> {
    const { tag, insist } = by;
    try {
      return (await this.getManifest(endpoint, { name: digest, wanted: digest, insist })).document;
    } catch (error) {
      if (tag === undefined || endpoint !== this.resolvedAt || !isNotServed(error)) throw error;
      const found = await this.getManifest(endpoint, { name: tag, wanted: digest, insist }).catch(() => {
        throw error;
      });
      return found.document;
    }
  }

  private sourceAt(endpoint: Endpoint, descriptor: Descriptor): BlobSource {
    const { digest } = descriptor;
    return new BlobSource({
      name: endpoint.name,
      descriptor,
      progress: this.options.progress,
      sendsParts: true,
      ask: async (request) => {
        const asked = { method: 'GET', rest: `blobs/${digest}`, plainRedirects: true, ...request } as const;
        const response = await endpoint.ask(asked);
        if (response.status === 200 || response.status === 206) return response;
        throw await failureOf(response, `the blob ${digest}`);
      },
      distrust: () => void this.suspects.add(endpoint),
    });
  }

  /** From wherever an image says: nothing that is ours goes along, neither credentials nor configured headers nor certificates. */
  private foreignSource(descriptor: Descriptor, text: string): BlobSource | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined;
    const { http, retry: rule, progress } = this.options;
    const nothingOfOurs = { private: {}, trust: SYSTEM_TRUST, plainRedirects: true } as const;
    return new BlobSource({
      name: redactUrl(url),
      descriptor,
      progress,
      sendsParts: false,
      ask: ({ headers, signal, insist }) => {
        const request = { method: 'GET', url, headers, signal, ...nothingOfOurs } as const;
        const ask = (attempt: number): Promise<HttpResponse> =>
          http.request({ ...request, dialling: attempt > 1 ? 'always' : insist ? 'insist' : 'unless-dead' });
        return patiently({ rule, signal }, ask, async (response) => {
          const { status } = response;
          if (status === 200 || status === 206) return response;
          discard(response.body);
          const why = `the foreign layer ${descriptor.digest}: ${redactUrl(response.url)} answered ${status}`;
          throw (isPassing(status) ? unreachable(why) : refused(why)).withStatus(status);
        });
      },
      distrust: () => undefined,
    });
  }

  private async tracked<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const transfer = this.options.progress.begin();
    try {
      const outcome = await act(this.signal);
      transfer.done();
      return outcome;
    } finally {
      transfer.end();
    }
  }
}

async function readManifest(
  response: HttpResponse,
  what: string,
  moved: (bytes: number) => void,
): Promise<{ response: HttpResponse; document: Buffer }> {
  if (response.status !== 200) throw await failureOf(response, what);
  const document = await readBody(response, MAX_MANIFEST_BYTES, moved);
  if (!document) throw refused(`${what} is bigger than ${MAX_MANIFEST_BYTES} bytes: ${answered(response)}`);
  return { response, document };
}
