import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { NotRegularFile } from '../../base/regular-file';
import { StandingProblems } from '../../base/standing-problems';
import { askOutside } from '../../base/wait/outside';
import { type RunResult, run } from '../../host/process/run';
import { PullError } from '../../images/errors';
import type { Descriptor } from '../../model/image';

export interface ImageVerifierOptions {
  /**
   * Every file in it, and every link, is a verifier; directories, FIFOs and sockets are passed over. A directory that does
   * not exist has none.
   */
  readonly binDir: string;
  /** The first so many by name are asked; -1: all. */
  readonly maxVerifiers: number;
  /** Milliseconds that one may take. */
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** What a verifier is asked about. */
export interface ImageToVerify {
  /** The reference in full. */
  readonly name: string;
  /** What it points at just now. */
  readonly target: Descriptor;
  readonly signal: AbortSignal;
}

const DESCRIPTOR_TYPE = 'application/vnd.oci.descriptor.v1+json';
/** Characters of a verifier's reason in an error. */
const MAX_REASON = 1000;
/** What a verifier that asks a registry or a transparency log needs to get there. */
const PASSED_ON = ['HOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'].concat(
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
);

/**
 * Asks the image verifiers of a node, programs as containerd's `bindir` plugin runs them (docs/image-verification.md
 * there): `-name REFERENCE -digest DIGEST -stdin-media-type TYPE`, the image's descriptor on standard input, exit code 0
 * to allow it, a reason on standard output.
 */
export class ImageVerifiers {
  private readonly passedOver: StandingProblems;

  constructor(private readonly options: ImageVerifierOptions) {
    this.passedOver = new StandingProblems((file, error) =>
      options.log.warn('entry passed over among the image verifiers', { file, error }),
    );
  }

  /** Resolves when every verifier allows the image; rejects with a PullError of the kind `signature` otherwise. */
  async verify(image: ImageToVerify): Promise<void> {
    const wait = { what: 'reading the image verifiers', limitMs: this.options.timeoutMs, signal: image.signal };
    for (const name of await askOutside(wait, () => this.names())) {
      const { code, stdout, stderr } = await this.ask(name, image);
      if (stderr !== '') this.options.log.debug('an image verifier says', { verifier: name, stderr });
      const reason = stdout.trim().slice(0, MAX_REASON);
      if (code !== 0) throw denied(image, `the verifier ${name} rejected it (exit code ${code}): ${reason}`);
      this.options.log.debug('an image verifier allows an image', { verifier: name, image: image.name, reason });
    }
  }

  private async names(): Promise<string[]> {
    const { binDir, maxVerifiers, log } = this.options;
    const all = await readdir(binDir).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return [];
      throw new PullError('signature', `the image verifiers in ${binDir} cannot be read`, error);
    });
    const names = await this.programs(all.sort());
    if (maxVerifiers < 0 || names.length <= maxVerifiers) return names;
    log.warn('some image verifiers are passed over', { dir: binDir, found: names.length, asked: maxVerifiers });
    return names.slice(0, maxVerifiers);
  }

  /** Without what is no file. A link that leads nowhere stays: its verifier is missing, which must not allow anything. */
  private async programs(names: readonly string[]): Promise<string[]> {
    const isOther = (name: string): Promise<boolean> =>
      stat(join(this.options.binDir, name))
        .then((stats) => !stats.isFile())
        .catch(() => false);
    const found = await Promise.all(names.map(async (name) => ({ name, other: await isOther(name) })));
    for (const { name } of found.filter(({ other }) => other)) {
      this.passedOver.met(join(this.options.binDir, name), new NotRegularFile().message);
    }
    return found.filter(({ other }) => !other).map(({ name }) => name);
  }

  /** One that cannot be run, or does not answer in time, allows nothing. */
  private async ask(name: string, image: ImageToVerify): Promise<RunResult> {
    const { binDir, timeoutMs } = this.options;
    const { mediaType, digest, size } = image.target;
    const flags = ['-name', image.name, '-digest', digest, '-stdin-media-type', DESCRIPTOR_TYPE];
    const input = JSON.stringify({ mediaType, digest, size: Number(size) });
    const env = Object.fromEntries(
      PASSED_ON.flatMap((key) => (process.env[key] ? [[key, process.env[key] ?? '']] : [])),
    );
    try {
      return await run([join(binDir, name), ...flags], { input, env, timeoutMs, signal: image.signal });
    } catch (error) {
      image.signal.throwIfAborted();
      throw denied(image, `the verifier ${name} gave no answer: ${errorMessage(error)}`);
    }
  }
}

function denied({ name, target }: ImageToVerify, why: string): PullError {
  return new PullError('signature', `${name} (${target.digest}): ${why}`);
}
