import type { ImageConfig } from '../../model/image';
import type { ImageBackend } from '../backend';
import { MAX_CONFIG_BYTES } from '../document/document-limits';
import { parseImageConfig } from '../document/image-config';
import { refused } from '../errors';

/**
 * What all configs together may take. An image's author chooses how long its config is, and nobody how many images come here;
 * a usual config has some kilobytes, so that those of more images than a node has are kept.
 */
export const MAX_KEPT_BYTES = 16 << 20;

interface Kept {
  readonly config: ImageConfig;
  readonly bytes: number;
}

/** The configs of images that containers are made of: kept while there is room, those used last; read again otherwise. */
export class ImageConfigs {
  private readonly kept = new Map<string, Kept>();
  private bytes = 0;

  constructor(
    private readonly content: ImageBackend['content'],
    private readonly maxBytes = MAX_KEPT_BYTES,
  ) {}

  /** Takes in the config of image `id`, whose document has so many bytes. It is shared by all who ask for it, and frozen. */
  keep(id: string, config: ImageConfig, documentBytes: number): ImageConfig {
    this.forget(id);
    const kept = { config: deepFreeze(config), bytes: 2 * documentBytes }; // a character of JavaScript may have two
    if (kept.bytes > this.maxBytes) return kept.config;
    this.kept.set(id, kept);
    this.bytes += kept.bytes;
    for (const [oldest] of this.kept) {
      if (this.bytes <= this.maxBytes) break;
      this.forget(oldest);
    }
    return kept.config;
  }

  /** The config of an image that is here. Throws a PullError when it is here no more. */
  async of(id: string, signal?: AbortSignal): Promise<ImageConfig> {
    const known = this.kept.get(id);
    if (known) {
      this.kept.delete(id); // the order of the map is that of use
      this.kept.set(id, known);
      return known.config;
    }
    const document = await this.document(id, signal);
    return this.keep(id, parseImageConfig(document, `the config ${id}`).config, document.length);
  }

  /** The config document of an image that is here, as it came. Throws a PullError when it is here no more. */
  async document(id: string, signal?: AbortSignal): Promise<Buffer> {
    const document = await this.content.readAll(id, { maxBytes: MAX_CONFIG_BYTES, signal });
    if (!document) throw refused(`the config ${id} is not in the content store any more: pull the image again`);
    return document;
  }

  forget(id: string): void {
    this.bytes -= this.kept.get(id)?.bytes ?? 0;
    this.kept.delete(id);
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) deepFreeze(member);
  return Object.freeze(value);
}
