import { goList, goStruct, readAsGo } from '../../base/json/go-fields';
import type { Descriptor } from '../../model/image';
import { refused } from '../errors';
import { isSha256, shown } from './digest';
import { MAX_INDEX_ENTRIES, MAX_LAYER_URLS, MAX_MANIFEST_BYTES, MAX_MEDIA_TYPE } from './document-limits';
import {
  type JsonObject,
  listOf,
  objectOf,
  parseObject,
  shortStringOf,
  stringMapOf,
  stringOf,
  stringsOf,
} from './json-document';
import { bareType, documentKind, OCI_INDEX, OCI_MANIFEST, saysNothing } from './media-types';
import type { Platform } from './platform';

const DESCRIPTOR = 'mediaType digest size urls annotations data artifactType';
/** Index and manifest in one, so that a document that could be read as either is found out whatever the case of its keys. */
const DOCUMENT_SHAPE = goStruct('schemaVersion mediaType artifactType fsLayers annotations', {
  config: goStruct(DESCRIPTOR),
  layers: goList(goStruct(DESCRIPTOR)),
  subject: goStruct(DESCRIPTOR),
  manifests: goList(goStruct(DESCRIPTOR, { platform: goStruct('os architecture variant os.version os.features') })),
});

/** An entry of an index. */
export interface ManifestEntry {
  readonly descriptor: Descriptor;
  readonly platform: Platform | undefined;
  /** What it is if not an image. */
  readonly artifactType?: string;
}

/** A layer, and where else than in the registry it may be had. */
export interface LayerEntry {
  readonly descriptor: Descriptor;
  readonly urls: readonly string[];
}

/** What an image's name points at: manifests by platform, or one manifest. */
export type Document =
  | { readonly kind: 'index'; readonly mediaType: string; readonly manifests: readonly ManifestEntry[] }
  | {
      readonly kind: 'manifest';
      readonly mediaType: string;
      readonly artifactType?: string;
      readonly config: Descriptor;
      readonly layers: readonly LayerEntry[];
    };

/**
 * Reads an index or a manifest. `declaredType` is what the descriptor or the registry calls it, empty if they do not say.
 * A document that says otherwise itself, or could be read as either, is refused: two readers would take it for two
 * images (CVE-2021-41190). Throws a PullError.
 */
export function parseDocument(data: Buffer, declaredType: string, what: string): Document {
  if (data.length > MAX_MANIFEST_BYTES) throw refused(`${what} is bigger than ${MAX_MANIFEST_BYTES} bytes`);
  const body = readAsGo(parseObject(data, what), DOCUMENT_SHAPE);
  if ('fsLayers' in body || body.schemaVersion === 1 || documentKind(declaredType) === 'schema1') {
    throw refused(`${what} is of schema version 1, which is no longer supported: push the image anew`);
  }
  const mediaType = mediaTypeOf(body, declaredType, what);
  if (!isVersion2(body, declaredType)) throw refused(`${what} is not of schema version 2`);
  if (documentKind(mediaType) === 'index') {
    forbid(body, ['config', 'layers', 'fsLayers'], what);
    const manifests = listOf(body.manifests, `manifests of ${what}`);
    if (manifests.length > MAX_INDEX_ENTRIES)
      throw refused(`manifests of ${what} has more than ${MAX_INDEX_ENTRIES} entries`);
    return { kind: 'index', mediaType, manifests: manifests.map((entry) => manifestEntry(entry, what)) };
  }
  forbid(body, ['manifests'], what);
  const layers = listOf(body.layers, `layers of ${what}`);
  return {
    kind: 'manifest',
    mediaType,
    artifactType: mediaTypeIn(body.artifactType, `artifactType of ${what}`) || undefined,
    config: descriptorOf(objectOf(body.config, `config of ${what}`), `config of ${what}`),
    layers: layers.map((entry) => layerEntry(entry, what)),
  };
}

/**
 * The document's type: its own word, else what was declared if that is a type of ours, else by what it holds. Docker's
 * types and OCI's mean the same, so that only a manifest that is called an index, or the reverse, is a contradiction.
 */
function mediaTypeOf(body: JsonObject, declaredType: string, what: string): string {
  const own = bareType(mediaTypeIn(body.mediaType, `mediaType of ${what}`));
  const kind = documentKind(own);
  const declaredKind = documentKind(declaredType);
  if (kind !== undefined && declaredKind !== undefined && kind !== declaredKind) {
    throw refused(`${what} calls itself "${own}" but was declared to be "${bareType(declaredType)}"`);
  }
  if (kind === 'index' || kind === 'manifest') return own;
  if (!saysNothing(own)) throw refused(`${what} is of the type "${own}", not an image`);
  if (declaredKind !== undefined) return bareType(declaredType);
  return 'manifests' in body ? OCI_INDEX : OCI_MANIFEST;
}

/** Clients that write none, or Go's zero, leave it to the media type, which is of version 2 if it is known at all. */
function isVersion2({ schemaVersion = 0, mediaType }: JsonObject, declaredType: string): boolean {
  if (schemaVersion === 2) return true;
  const isKnown = documentKind(declaredType) !== undefined || documentKind(String(mediaType)) !== undefined;
  return (schemaVersion === 0 || schemaVersion === null) && isKnown;
}

function forbid(body: JsonObject, keys: readonly string[], what: string): void {
  const found = keys.find((key) => key in body && body[key] !== null);
  if (found) throw refused(`${what} is ambiguous: by its type it must not have "${found}"`);
}

function manifestEntry(value: unknown, what: string): ManifestEntry {
  const entry = objectOf(value, `an entry of ${what}`);
  const descriptor = descriptorOf(entry, `an entry of ${what}`);
  const artifactType = mediaTypeIn(entry.artifactType, `artifactType in ${what}`) || undefined;
  if (entry.platform === undefined || entry.platform === null) return { descriptor, artifactType, platform: undefined };
  const platform = objectOf(entry.platform, `platform in ${what}`);
  return {
    descriptor,
    artifactType,
    platform: {
      os: shortStringOf(platform.os, `os in ${what}`),
      architecture: shortStringOf(platform.architecture, `architecture in ${what}`),
      variant: shortStringOf(platform.variant, `variant in ${what}`),
    },
  };
}

function layerEntry(value: unknown, what: string): LayerEntry {
  const entry = objectOf(value, `a layer of ${what}`);
  return {
    descriptor: descriptorOf(entry, `a layer of ${what}`),
    urls: urlsOf(entry, `urls of a layer of ${what}`),
  };
}

function urlsOf({ urls }: JsonObject, what: string): string[] {
  const all = stringsOf(urls, what);
  if (all.length > MAX_LAYER_URLS) throw refused(`${what} has more than ${MAX_LAYER_URLS} addresses`);
  return all;
}

/** A media type, its parameters included. */
function mediaTypeIn(value: unknown, what: string): string {
  const type = stringOf(value, what);
  if (bareType(type).length > MAX_MEDIA_TYPE) throw refused(`${what} has more than ${MAX_MEDIA_TYPE} characters`);
  return type;
}

function descriptorOf(entry: JsonObject, what: string): Descriptor {
  const digest = stringOf(entry.digest, `the digest of ${what}`);
  if (!isSha256(digest)) throw refused(`${what} has the digest "${shown(digest)}", which is not a sha256 digest`);
  const size = entry.size;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw refused(`${what} has no valid size`);
  const annotations = stringMapOf(entry.annotations, `annotations of ${what}`);
  return {
    mediaType: mediaTypeIn(entry.mediaType, `mediaType of ${what}`),
    digest,
    size: BigInt(size),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}
