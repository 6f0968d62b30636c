import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { Backoff, sleep } from '../../base/wait/backoff';
import { DeadlineError } from '../../base/wait/deadline';
import type { Descriptor } from '../../model/image';
import { PullError, refused, unreachable } from '../errors';
import { failureOfAll } from '../registry/answer';
import { type BlobSource, type BlobStream, RangesIgnored } from '../registry/blob-source';
import { KNOWN_DEAD } from '../registry/dead-hosts';
import { piecesOf } from '../registry/http-body';
import { BODY_END_MS, BODY_IDLE_MS } from '../registry/http-limits';
import type { RetryRule } from '../registry/retry';
import { inParts } from './blob-parts';
import type { BlobWriter } from './blob-writer';
import type { DownloadSlots } from './download-slots';

export interface ReceiveOptions {
  readonly descriptor: Descriptor;
  /** Hosts that may have the blob, in the order in which to ask them. */
  readonly sources: readonly BlobSource[];
  readonly slots: DownloadSlots;
  /** A blob bigger than this is fetched in parts of so many bytes, side by side; 0: never. */
  readonly partBytes: number;
  /** Names of the hosts that send no parts, as this pull has learned; added to. */
  readonly wholeOnly: Set<string>;
  readonly retry: RetryRule;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** What was written of a blob must go, since it is of something else: open it anew. */
export class BeginAnew extends Error {
  override readonly name = 'BeginAnew';
}

/** A host and what has become of it with this blob. */
interface Candidate {
  readonly source: BlobSource;
  failure: PullError | undefined;
  /** It does not have the blob, or has sent another one. */
  out: boolean;
  /** Attempts at a part of the blob that brought nothing. */
  fruitless: number;
  /** Answers of it that had to be thrown away. */
  thrownAway: number;
  /** What it has answered last. */
  said: string;
}

/** After so many attempts at a part that bring nothing a host is asked for all of the blob. */
const MAX_FRUITLESS = 2;

/**
 * Brings one blob from the first host that has it. A stream that breaks off is taken up where it broke, at the same host
 * first and then at the next. What turns out to be something else is thrown away, and the next host is asked. Each host is
 * asked as often as the retry rule says; only rounds over all hosts that bring nothing count.
 */
export class BlobReceiver {
  private readonly candidates: readonly Candidate[];
  /** Hosts still to be asked in this round. */
  private queue: Candidate[] = [];
  private readonly backoff: Backoff;
  private failedRounds = 0;
  private progress = false;
  /** What the bytes written so far came from, answer by answer; undefined: they were there. */
  private pieces: (Candidate | undefined)[] = [];
  /** Pieces that were put together were wrong: all must come in one answer of one host. */
  private inOnePiece = false;

  constructor(private readonly options: ReceiveOptions) {
    const fresh = { failure: undefined, out: false, fruitless: 0, thrownAway: 0 };
    this.candidates = options.sources.map((source) => ({ source, said: source.name, ...fresh }));
    this.queue = [...this.candidates];
    this.backoff = new Backoff(options.retry);
  }

  /**
   * Fills the writer and commits it with these labels. Throws BeginAnew when that must be done with a new writer, and a
   * PullError that names each host and what was wrong with it when no host is left.
   */
  async into(writer: BlobWriter, labels: Record<string, string>): Promise<void> {
    this.pieces = writer.position > 0n ? [undefined] : [];
    while (!writer.complete) {
      const candidate = this.queue.shift();
      if (candidate) await this.receiveFrom(candidate, writer);
      else await this.nextRound();
    }
    try {
      await writer.commit(labels);
    } catch (error) {
      if (error instanceof PullError) this.wrongContent(error);
      throw error;
    }
  }

  private async nextRound(): Promise<void> {
    const { descriptor, retry, signal } = this.options;
    if (this.progress) {
      this.failedRounds = 0;
      this.backoff.reset();
    }
    this.progress = false;
    this.queue = this.candidates.filter(({ out }) => !out);
    if (this.queue.length === 0 || ++this.failedRounds >= retry.attempts) {
      const failures = this.candidates.flatMap(({ failure }) => failure ?? []);
      throw failureOfAll(`the blob ${descriptor.digest}`, failures);
    }
    await sleep(this.backoff.next(), signal);
  }

  /** Asks one host for as long as it brings something. */
  private async receiveFrom(candidate: Candidate, writer: BlobWriter): Promise<void> {
    const { retry, signal, log } = this.options;
    const { digest } = this.options.descriptor;
    for (let breaks = 0; breaks < retry.attempts; breaks++) {
      const before = writer.position;
      try {
        await this.attempt(candidate, writer);
        this.progress = true;
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof PullError)) throw error;
        candidate.failure = error;
        candidate.out ||= error.kind !== 'registry';
        const nothing = writer.position === before;
        const known = candidate.out || error.code === KNOWN_DEAD;
        if (!nothing || !known) log.warn('a download broke off', { digest, error: errorMessage(error) });
        if (nothing) return;
        if (candidate.out || this.inOnePiece) this.throwAway(candidate);
        this.progress = true;
      }
      await sleep(this.backoff.next(), signal);
    }
  }

  /** Fills the writer from one host. Throws a PullError if that host does not do so. */
  private async attempt(candidate: Candidate, writer: BlobWriter): Promise<void> {
    const before = writer.position;
    const { partBytes, descriptor } = this.options;
    const big = partBytes > 0 && descriptor.size - before > BigInt(partBytes);
    if (big && candidate.source.sendsParts && this.mayAskForParts(candidate)) {
      const refusal = await this.receiveParts(candidate, writer);
      if (refusal === undefined) return;
      await this.take(candidate, await this.openWhole(candidate), writer);
      return;
    }
    await this.take(candidate, await this.open(candidate, before), writer);
  }

  private async take(candidate: Candidate, stream: BlobStream, writer: BlobWriter): Promise<void> {
    const before = writer.position;
    try {
      await this.copy(candidate, stream, writer);
    } finally {
      if (writer.position > before) this.pieces.push(candidate);
    }
  }

  private mayAskForParts({ source, fruitless }: Candidate): boolean {
    return !this.inOnePiece && !this.options.wholeOnly.has(source.name) && fruitless < MAX_FRUITLESS;
  }

  /** Fills the writer with parts. The error with which the host has said that it sends none is no failure. */
  private async receiveParts(candidate: Candidate, writer: BlobWriter): Promise<RangesIgnored | undefined> {
    const { slots, partBytes, descriptor } = this.options;
    const { source } = candidate;
    const insist = this.failedRounds > 0;
    const parts = {
      part: (from: bigint, to: bigint, signal: AbortSignal) => source.part({ from, to }, insist, signal),
      takeSlot: () => slots.tryTake(),
    };
    const rest = { from: writer.position, size: descriptor.size, partBytes };
    const before = writer.position;
    try {
      for await (const part of inParts(parts, rest)) {
        this.pieces.push(candidate);
        await writer.write(part);
      }
      return undefined;
    } catch (error) {
      if (error instanceof RangesIgnored) return error;
      if (writer.position === before) candidate.fruitless++;
      throw error;
    }
  }

  /** A stream from `offset` on, or of the whole blob where the host does not send the rest of one. */
  private async open(candidate: Candidate, offset: bigint): Promise<BlobStream> {
    const { source } = candidate;
    const insist = this.failedRounds > 0;
    if (offset === 0n || !this.mayAskForParts(candidate)) return source.open(0n, insist);
    try {
      return await source.open(offset, insist);
    } catch (error) {
      candidate.fruitless++;
      if (!(error instanceof RangesIgnored)) throw error;
      return this.openWhole(candidate);
    }
  }

  /** A stream of the whole blob from a host that has refused a part: once that is sent, no part is asked of it any more. */
  private async openWhole({ source }: Candidate): Promise<BlobStream> {
    const stream = await source.open(0n, this.failedRounds > 0);
    this.options.wholeOnly.add(source.name);
    return stream;
  }

  private async copy(candidate: Candidate, stream: BlobStream, writer: BlobWriter): Promise<void> {
    const { digest, size } = this.options.descriptor;
    const before = writer.position;
    const what = `the blob ${digest}: ${stream.answered}`;
    candidate.said = stream.answered;
    const { length } = stream;
    if (before > 0n && stream.offset === 0n && length !== undefined && length !== size) {
      leave(stream); // something else: what is here already is not to be lost for it
      throw unreachable(`${what} and has ${length} bytes instead of ${size}`);
    }
    const taken = await copyInto(writer, stream, what);
    if (writer.complete) return;
    candidate.failure = unreachable(`${what} and broke off after ${stream.offset + taken} of ${size} bytes`);
    // It has ended as it should, so it is not the beginning of the blob but something else.
    if (stream.offset === 0n && writer.position > before) this.throwAway(candidate);
    throw candidate.failure;
  }

  /** Ends what was written so far. A host that makes us do so too often is not asked any more. */
  private throwAway(candidate: Candidate): never {
    candidate.source.distrust();
    if (++candidate.thrownAway >= this.options.retry.attempts) candidate.out = true;
    throw new BeginAnew();
  }

  /**
   * All is written and is not the blob. One answer means that its host is wrong, more of them that they do not fit. What a
   * client of containerd has left here before fails the pull: the next one finds it gone.
   */
  private wrongContent(error: PullError): never {
    const [first, ...more] = this.pieces;
    if (!first || (more.length > 0 && this.inOnePiece)) throw error;
    if (more.length > 0) {
      this.inOnePiece = true;
      this.queue = this.candidates.filter(({ out }) => !out);
    } else {
      first.out = true;
      first.failure = refused(`${error.message}: ${first.said}`);
      first.source.distrust();
    }
    const { log, descriptor } = this.options;
    log.warn('what was downloaded is not the blob', { digest: descriptor.digest, error: errorMessage(error) });
    throw new BeginAnew();
  }
}

/** Copies a stream, leaving out what the writer has already. Tells how many bytes came. */
async function copyInto(writer: BlobWriter, stream: BlobStream, what: string): Promise<bigint> {
  let skip = Number(writer.position - stream.offset);
  let taken = 0;
  try {
    for await (const chunk of readable(stream, what, () => writer.complete)) {
      stream.transfer.moved(chunk.length);
      taken += chunk.length;
      const part = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - part.length;
      if (part.length > 0) await writer.write(part);
    }
    if (writer.complete) stream.transfer.done();
  } catch (error) {
    if (!(error instanceof PullError) || error.kind === 'registry') throw error;
    throw refused(`${error.message}: ${stream.answered}`); // it is longer than it should be
  } finally {
    leave(stream);
  }
  return BigInt(taken);
}

function leave({ body, transfer }: BlobStream): void {
  transfer.end();
  body.on('error', () => undefined).destroy();
}

/**
 * The stream's parts; what goes wrong in the stream itself, not in whoever reads it, becomes a PullError. When all has come
 * and the server does not end its answer, that is the end.
 */
async function* readable({ body }: BlobStream, what: string, isAll: () => boolean): AsyncIterable<Buffer> {
  const parts = piecesOf(body, () => (isAll() ? BODY_END_MS : BODY_IDLE_MS));
  try {
    for (;;) {
      const next = await parts.next().catch((error: unknown) => {
        if (isAll() && error instanceof DeadlineError) return undefined;
        throw unreachable(`${what} and the connection broke`, error);
      });
      if (!next || next.done) return;
      yield next.value;
    }
  } finally {
    await parts.return(undefined);
  }
}
