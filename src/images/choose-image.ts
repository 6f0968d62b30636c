import type { Descriptor } from '../model/image';
import { refused } from './errors';
import { MAX_CONFIG_BYTES, type ParsedConfig, parseImageConfig } from './image-config';
import { type Document, type LayerEntry, parseDocument } from './manifests';
import { isImageConfig } from './media-types';
import { candidates, type Platform, platformName, platformRank } from './platform';

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

/** Indexes may hold indexes, but nobody means more than this. */
const MAX_DEPTH = 3;
/** So many manifests are looked at in an index that does not say what they are for. */
const MAX_CANDIDATES = 8;

/**
 * Follows a descriptor to the image for a platform: an index to the best of its manifests, a manifest to its config.
 * Throws a PullError that says what there is instead when nothing fits.
 */
export async function chooseImage(target: Descriptor, choice: Choice): Promise<ChosenImage> {
  const chosen = await choose(target, choice, { depth: 0, checked: false });
  if (!chosen) throw refused(`${target.digest} has no image for ${platformName(choice.platform)} that is complete`);
  return chosen;
}

/** How a descriptor was come by: `checked` if an index has said what it is for. */
interface Way {
  readonly depth: number;
  readonly checked: boolean;
}

async function choose(descriptor: Descriptor, choice: Choice, way: Way): Promise<ChosenImage | undefined> {
  const what = `the manifest ${descriptor.digest}`;
  const data = await choice.source.manifest(descriptor);
  if (!data) return undefined;
  const document = parseDocument(data, descriptor.mediaType, what);
  await choice.source.parsed?.(descriptor, data, document);
  if (document.kind === 'manifest') return withConfig({ descriptor, document, what }, choice, way);
  if (way.depth >= MAX_DEPTH) throw refused(`${what} is an index within too many others`);
  const fitting = candidates(document.manifests, choice.platform).slice(0, MAX_CANDIDATES);
  for (const entry of fitting) {
    const checked = entry.platform !== undefined;
    const chosen = await choose(entry.descriptor, choice, { depth: way.depth + 1, checked });
    if (chosen) return { ...chosen, indexes: [descriptor, ...chosen.indexes] };
  }
  if (way.depth > 0 || fitting.length > 0) return undefined;
  const offered = document.manifests.flatMap(({ platform }) => (platform ? [platformName(platform)] : []));
  throw refused(`there is no image for ${platformName(choice.platform)}: there are ${listed(offered)}`);
}

interface FoundManifest {
  readonly descriptor: Descriptor;
  readonly document: Extract<Document, { kind: 'manifest' }>;
  readonly what: string;
}

async function withConfig(
  { descriptor, document, what }: FoundManifest,
  choice: Choice,
  way: Way,
): Promise<ChosenImage | undefined> {
  const { config, layers } = document;
  if (!isImageConfig(config.mediaType)) {
    throw refused(`${what} is an artifact, not an image: its config is of the type "${config.mediaType}"`);
  }
  if (config.size > BigInt(MAX_CONFIG_BYTES))
    throw refused(`the config of ${what} is bigger than ${MAX_CONFIG_BYTES} bytes`);
  const rawConfig = await choice.source.config(config);
  if (!rawConfig) return undefined;
  const parsed = parseImageConfig(rawConfig, `the config ${config.digest}`);
  if (parsed.diffIds.length !== layers.length) {
    throw refused(`${what} has ${layers.length} layers, but its config names ${parsed.diffIds.length}`);
  }
  if (!way.checked && !fits(parsed.platform, choice.platform)) {
    if (way.depth > 0) return undefined;
    if (!choice.anyPlatform) {
      throw refused(
        `it is made for ${platformName(parsed.platform)}, and this machine is ${platformName(choice.platform)}`,
      );
    }
  }
  return { indexes: [], manifest: descriptor, config, layers, parsed, rawConfig };
}

/** Configs made by hand often do not say what they are for. */
function fits(image: Platform, host: Platform): boolean {
  if (image.os === '' && image.architecture === '') return true;
  return platformRank({ ...image, os: image.os || host.os }, host) !== undefined;
}

function listed(platforms: readonly string[]): string {
  const known = [...new Set(platforms)].slice(0, 12);
  return known.length > 0 ? `ones for ${known.join(', ')}` : 'none at all';
}
