import type { Readable } from 'node:stream';
import type { Descriptor } from '../../model/image';
import { PullError, refused, unreachable } from '../errors';
import { answered } from './answer';
import type { HttpResponse } from './http-body';
import { discard, piecesOf } from './http-body';
import { isPassing } from './passing';
import type { Progress, Transfer } from './progress';

/** A blob on its way: `offset` is where the stream starts, which may be 0 though more was asked for. */
export interface BlobStream {
  readonly offset: bigint;
  readonly body: Readable;
  readonly transfer: Transfer;
  /** Bytes that the server has announced; undefined if it has not. */
  readonly length: bigint | undefined;
  /** Who answered what, for errors. */
  readonly answered: string;
}

/** The host does not send parts of a blob. */
export class RangesIgnored extends Error {
  override readonly name = 'RangesIgnored';
}

/** A request for a blob. */
export interface BlobRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** The host is dialled although it could not be reached before. */
  readonly insist: boolean;
}

export interface BlobSourceOptions {
  /** Tells this host from the others of the same pull. */
  readonly name: string;
  readonly descriptor: Descriptor;
  readonly progress: Progress;
  readonly sendsParts: boolean;
  /** The answer of the host if its status is 200 or 206; throws a PullError otherwise. */
  ask(request: BlobRequest): Promise<HttpResponse>;
  /** The host has sent something else than the blob: others are asked before it from now on. */
  distrust(): void;
}

/** One host that may have a blob. */
export class BlobSource {
  constructor(private readonly options: BlobSourceOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** False if the blob is asked for in one piece only. */
  get sendsParts(): boolean {
    return this.options.sendsParts;
  }

  distrust(): void {
    this.options.distrust();
  }

  /** A stream of the blob from `offset` on. End its transfer. Throws RangesIgnored or a PullError. */
  async open(offset: bigint, insist: boolean): Promise<BlobStream> {
    const transfer = this.options.progress.begin();
    try {
      const headers: Record<string, string> = offset > 0n ? { Range: `bytes=${offset}-` } : {};
      const response = await this.ask({ headers, signal: this.options.progress.signal, insist }, offset > 0n);
      const length = Number(response.headers['content-length'] ?? Number.NaN);
      return {
        offset: this.startOf(response, offset, offset > 0n),
        body: response.body,
        transfer,
        length: Number.isSafeInteger(length) ? BigInt(length) : undefined,
        answered: answered(response),
      };
    } catch (error) {
      transfer.end();
      throw error;
    }
  }

  /** The bytes of the blob from `from` up to `to`, whole. Throws RangesIgnored when the host does not send parts. */
  async part({ from, to }: { from: bigint; to: bigint }, insist: boolean, leaving: AbortSignal): Promise<Buffer> {
    const { progress } = this.options;
    const transfer = progress.begin();
    try {
      const headers = { Range: `bytes=${from}-${to - 1n}` };
      const response = await this.ask({ headers, signal: AbortSignal.any([progress.signal, leaving]), insist }, true);
      if (response.status === 200) {
        discard(response.body);
        throw new RangesIgnored();
      }
      if (this.startOf(response, from, true) !== from) {
        discard(response.body);
        throw new RangesIgnored();
      }
      return await readPart(response, Number(to - from), transfer);
    } finally {
      transfer.end();
    }
  }

  /** A refusal of part of a blob may be meant for the part: there are servers that say so with nearly any status. */
  private async ask(request: BlobRequest, isPart: boolean): Promise<HttpResponse> {
    try {
      return await this.options.ask(request);
    } catch (error) {
      const final = error instanceof PullError && error.status !== undefined && !isPassing(error.status);
      throw isPart && final ? new RangesIgnored(error.message, { cause: error }) : error;
    }
  }

  /**
   * Where the body starts: a server may send all though a part was asked for, with 200 or as a part that is all, and must not
   * send another part. One whose header says nothing of use is asked for no part any more.
   */
  private startOf(response: HttpResponse, asked: bigint, isPart: boolean): bigint {
    if (response.status === 200) return 0n;
    const header = response.headers['content-range'];
    const [, start, total] = /^bytes[ =:]+(\d{1,18})-\d{0,18}(?:\/(\d{1,18}))?/i.exec(header ?? '') ?? [];
    const { size } = this.options.descriptor;
    const ofIt = total === undefined || BigInt(total) === size;
    if (start !== undefined && ofIt && [asked, 0n].includes(BigInt(start))) return BigInt(start);
    discard(response.body);
    if (start === undefined && isPart) throw new RangesIgnored(); // several parts in one, or all of it
    throw refused(`${answered(response)} and sent another part of the blob than was asked for`);
  }
}

/** Exactly so many bytes of a body. */
async function readPart(response: HttpResponse, bytes: number, transfer: Transfer): Promise<Buffer> {
  const part = Buffer.allocUnsafe(bytes);
  let size = 0;
  try {
    for await (const piece of piecesOf(response.body)) {
      transfer.moved(piece.length);
      if (size + piece.length > bytes) throw new RangesIgnored('more of the blob came than was asked for');
      size += piece.copy(part, size);
    }
  } catch (error) {
    if (error instanceof RangesIgnored) throw error;
    throw unreachable(`${answered(response)}: the connection broke`, error);
  }
  if (size < bytes)
    throw unreachable(`${answered(response)}: a part of a blob broke off after ${size} of ${bytes} bytes`);
  transfer.done();
  return part;
}
