import type { Descriptor } from '../../model/image';
import { PullError, refused } from '../errors';
import { MAX_CONFIG_BYTES, MAX_DOCUMENTS, MAX_LAYERS } from './document-limits';
import { type ParsedConfig, parseImageConfig } from './image-config';
import { type Document, type LayerEntry, type ManifestEntry, parseDocument } from './manifests';
import { documentKind, isFilesystemLayer, isImageConfig, mayBeImageConfig, saysNothing } from './media-types';
import { candidates, type Platform, platformName, platformRank, runsArchitecture } from './platform';

/** Where documents come from: the content store, or a registry. `undefined` for what is not there. */
export interface DocumentSource {
  /** A manifest or index. What it is when parsed is handed back through `parsed`, before anything else is asked for. */
  manifest(descriptor: Descriptor): Promise<Buffer | undefined>;
  parsed?(descriptor: Descriptor, data: Buffer, document: Document): Promise<void>;
  config(descriptor: Descriptor): Promise<Buffer | undefined>;
}

/** The image for one platform behind a name. */
export interface ChosenImage {
  /** What leads from the name to the manifest, outermost first; none when the name points at the manifest. */
  readonly indexes: readonly Descriptor[];
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly LayerEntry[];
  readonly parsed: ParsedConfig;
  readonly rawConfig: Buffer;
}

export interface Choice {
  readonly source: DocumentSource;
  readonly platform: Platform;
  /** A name that points at a manifest for another platform is taken nevertheless: its owner has put it there. */
  readonly anyPlatform: boolean;
}

type ImageManifest = Extract<Document, { kind: 'manifest' }>;

/** Indexes may hold indexes, but nobody means more than this. */
const MAX_DEPTH = 3;
/** So many manifests are looked at in an index that does not say what they are for. */
const MAX_CANDIDATES = 32;
/** Worse than any that is known: the config does not say what it is for. */
const UNKNOWN_RANK = 1000;
/** So many entries that were passed over are named in an error. */
const MAX_TOLD = 3;

/**
 * Follows a descriptor to the image for a platform: an index to the best of its manifests, a manifest to its config.
 * Entries of an index that are no images are passed over. Throws a PullError that says what there is instead when nothing
 * fits.
 */
export async function chooseImage(target: Descriptor, choice: Choice): Promise<ChosenImage> {
  const passedOver: string[] = [];
  const chosen = await choose(target, choice, { depth: 0, checked: false, passedOver, looked: { documents: 0 } });
  if (chosen) return chosen;
  const name = platformName(choice.platform);
  if (passedOver.length === 0) throw refused(`${target.digest} has no image for ${name} that is complete`);
  throw refused(`there is no image for ${name}: ${passedOver.slice(0, MAX_TOLD).join('; ')}`);
}

/** How a descriptor was come by: `checked` if an index has said what it is for. */
interface Way {
  readonly depth: number;
  readonly checked: boolean;
  /** Why entries of indexes were passed over. */
  readonly passedOver: string[];
  /** Indexes and manifests that were asked for on all ways. */
  readonly looked: { documents: number };
}

async function choose(descriptor: Descriptor, choice: Choice, way: Way): Promise<ChosenImage | undefined> {
  const what = `the manifest ${descriptor.digest}`;
  if (++way.looked.documents > MAX_DOCUMENTS)
    throw refused(`more than ${MAX_DOCUMENTS} indexes and manifests would have to be read, ${what} among them`);
  const data = await choice.source.manifest(descriptor);
  if (!data) return undefined;
  const document = parseDocument(data, descriptor.mediaType, what);
  const why = document.kind === 'manifest' ? whyNoImage(document, way) : undefined;
  if (why !== undefined) return passOver(`${what} is an artifact, not an image: ${why}`, way);
  await choice.source.parsed?.(descriptor, data, document);
  if (document.kind === 'manifest') return withConfig({ descriptor, document, what }, choice, way);
  if (way.depth >= MAX_DEPTH) throw refused(`${what} is an index within too many others`);
  const fitting = fittingEntries(document.manifests, choice.platform, way);
  const chosen = await chooseAmong(fitting, choice, way);
  if (chosen) return { ...chosen, indexes: [descriptor, ...chosen.indexes] };
  if (way.depth > 0 || fitting.length > 0 || way.passedOver.length > 0) return undefined;
  const offered = document.manifests.flatMap(({ platform }) => (platform ? [platformName(platform)] : []));
  throw refused(`there is no image for ${platformName(choice.platform)}: there are ${listed(offered)}`);
}

/** The entries that may lead to an image for the platform, best first. */
function fittingEntries(entries: readonly ManifestEntry[], platform: Platform, way: Way): ManifestEntry[] {
  const fitting = candidates(entries, platform).filter(({ descriptor: { digest, mediaType }, artifactType = '' }) => {
    const kind = documentKind(mediaType);
    const isArtifact = artifactType !== '' && !isImageConfig(artifactType);
    if (!isArtifact && (kind === 'index' || kind === 'manifest' || saysNothing(mediaType))) return true;
    way.passedOver.push(`${digest} is of the type "${isArtifact ? artifactType : mediaType}"`);
    return false;
  });
  return fitting.slice(0, MAX_CANDIDATES);
}

/** The first entry that is an image, or, of those without a platform, the one whose config is of the best. */
async function chooseAmong(
  entries: readonly ManifestEntry[],
  choice: Choice,
  way: Way,
): Promise<ChosenImage | undefined> {
  let best: { readonly chosen: ChosenImage; readonly rank: number } | undefined;
  for (const entry of entries) {
    const chosen = await chooseEntry(entry, choice, way).catch((error: unknown) => {
      if (best && error instanceof PullError) return undefined; // a better one cannot be had
      throw error;
    });
    if (chosen && entry.platform) return chosen;
    const rank = chosen ? (platformRank(chosen.parsed.platform, choice.platform) ?? UNKNOWN_RANK) : UNKNOWN_RANK;
    if (chosen && rank < (best?.rank ?? Number.POSITIVE_INFINITY)) best = { chosen, rank };
    if (best?.rank === 0) break;
  }
  return best?.chosen;
}

/** An entry whose type says nothing may be anything: it is passed over if it cannot be had or read. */
async function chooseEntry(entry: ManifestEntry, choice: Choice, way: Way): Promise<ChosenImage | undefined> {
  const next = { ...way, depth: way.depth + 1, checked: entry.platform !== undefined };
  try {
    return await choose(entry.descriptor, choice, next);
  } catch (error) {
    const mayBeAnything =
      saysNothing(entry.descriptor.mediaType) && error instanceof PullError && error.kind === 'other';
    if (!mayBeAnything) throw error;
    way.passedOver.push(error.message);
    return undefined;
  }
}

/** Another entry of the index may be the image; what a name itself points at has to be one. */
function passOver(why: string, way: Way): undefined {
  if (way.depth === 0) throw refused(why);
  way.passedOver.push(why);
}

interface FoundManifest {
  readonly descriptor: Descriptor;
  readonly document: ImageManifest;
  readonly what: string;
}

/** Why a manifest is no image; undefined if it may be one. More is asked of an entry of which an index says nothing. */
function whyNoImage({ artifactType, config, layers }: ImageManifest, way: Way): string | undefined {
  if (!mayBeImageConfig(config.mediaType)) return `its config is of the type "${config.mediaType}"`;
  if (way.depth === 0) return undefined;
  if (artifactType !== undefined && !isImageConfig(artifactType)) return `it is of the type "${artifactType}"`;
  const other = way.checked ? undefined : layers.find(({ descriptor }) => !isFilesystemLayer(descriptor.mediaType));
  return other && `it has a layer of the type "${other.descriptor.mediaType}"`;
}

async function withConfig(found: FoundManifest, choice: Choice, way: Way): Promise<ChosenImage | undefined> {
  const { descriptor, document, what } = found;
  const { config, layers } = document;
  if (layers.length > MAX_LAYERS)
    throw refused(`layers of ${what} has ${layers.length} entries, and at most ${MAX_LAYERS} can be mounted`);
  if (config.size > BigInt(MAX_CONFIG_BYTES))
    throw refused(`the config of ${what} is bigger than ${MAX_CONFIG_BYTES} bytes`);
  const rawConfig = await choice.source.config(config);
  if (!rawConfig) return undefined;
  const parsed = readConfig(rawConfig, found, way);
  if (!parsed) return undefined;
  if (!way.checked && !fits(parsed.platform, choice.platform, way)) {
    if (way.depth > 0) return undefined;
    if (!choice.anyPlatform)
      throw refused(
        `it is made for ${platformName(parsed.platform)}, and this machine is ${platformName(choice.platform)}`,
      );
  }
  return { indexes: [], manifest: descriptor, config, layers, parsed, rawConfig };
}

/** The config; undefined when an entry of an index has one that is not an image's, and none of both has said that it is. */
function readConfig(rawConfig: Buffer, { document, what }: FoundManifest, way: Way): ParsedConfig | undefined {
  const { config, layers } = document;
  try {
    const parsed = parseImageConfig(rawConfig, `the config ${config.digest}`);
    if (parsed.diffIds.length === layers.length) return parsed;
    throw refused(`${what} has ${layers.length} layers, but its config names ${parsed.diffIds.length}`);
  } catch (error) {
    const isSaid = way.checked && isImageConfig(config.mediaType);
    if (isSaid || way.depth === 0 || !(error instanceof PullError)) throw error;
    return passOver(error.message, way);
  }
}

/**
 * Configs made by hand often do not say what they are for. Of an index the best entry is chosen, and never one for a newer
 * CPU; a name that points at one manifest leaves no choice, and its variant is taken for advice, as containerd does.
 */
function fits(image: Platform, host: Platform, way: Way): boolean {
  if (image.architecture === '' && (image.os === '' || image.os === host.os)) return true;
  const platform = { ...image, os: image.os || host.os };
  return way.depth === 0 ? runsArchitecture(platform, host) : platformRank(platform, host) !== undefined;
}

function listed(platforms: readonly string[]): string {
  const known = [...new Set(platforms)].slice(0, 12);
  return known.length > 0 ? `ones for ${known.join(', ')}` : 'none at all';
}
