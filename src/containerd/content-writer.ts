import {
  WriteAction,
  WriteContentRequest,
  type WriteContentResponse,
} from '../../generated/containerd/services/content/v1/content';
import type { Duplex } from '../rpc/client/client';
import { Code } from '../rpc/code';
import { EncodedMessage } from '../rpc/service';
import { ContainerdError, isAlreadyExists } from './errors';

type WriteCall = Duplex<WriteContentRequest, WriteContentResponse>;

interface Waiting {
  resolve(response: WriteContentResponse): void;
  reject(error: unknown): void;
}

/** Larger messages gain nothing; with four of them on their way a blob comes in twice as fast as one at a time. */
const CHUNK_BYTES = 256 * 1024;
const IN_FLIGHT = 4;
const METHOD = 'containerd.services.content.v1.Content/Write';
const NOTHING = Buffer.alloc(0);
/** Field 6 of WriteContentRequest, `data`, as protobuf's encoding has it: of a length that comes next. */
const DATA_TAG = (6 << 3) | 2;

/** One blob on its way into the content store. Write its bytes in order, commit, and close in any case. */
export class ContentWriter {
  private readonly waiting: Waiting[] = [];
  private sent = 0n;
  private failure: unknown;
  private inFlight = 0;
  private room?: () => void;
  private closed = false;

  private constructor(
    private readonly call: WriteCall,
    private readonly ingest: { ref: string; total: bigint; expected: string },
  ) {
    void this.listen();
  }

  /** Begins the call and asks how much of the ingest is there already. */
  static async open(
    begin: () => WriteCall,
    ingest: { ref: string; total: bigint; expected: string },
  ): Promise<ContentWriter> {
    const writer = new ContentWriter(begin(), ingest);
    try {
      const { offset } = await writer.request(WriteAction.STAT);
      writer.sent = offset;
      return writer;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** How many bytes the ingest has, those on their way included: the next byte to be written is this one of the blob. */
  get offset(): bigint {
    return this.sent;
  }

  /**
   * Hands bytes over; resolves when there is room for more, which is before the daemon has stored them. An error of an
   * earlier write rejects this one. The chunks must not change until they are stored.
   */
  async write(...chunks: readonly Buffer[]): Promise<void> {
    for (const parts of inMessages(chunks)) {
      await this.roomForOne();
      this.inFlight += 1;
      const bytes = parts.reduce((sum, { length }) => sum + length, 0);
      this.ask(this.encodedWrite(parts, bytes)).then(
        () => this.landed(),
        () => this.landed(),
      );
      this.sent += BigInt(bytes);
    }
    await this.roomForOne();
  }

  /**
   * Has the daemon check size and digest and keep the blob. A blob that somebody else has brought in meanwhile is just
   * as good. Rejects with FAILED_PRECONDITION when size or digest do not match.
   */
  async commit(blob: { size: bigint; expected: string; labels?: Record<string, string> }): Promise<{ digest: string }> {
    const { size, expected, labels = {} } = blob;
    try {
      const { digest } = await this.request(WriteAction.COMMIT, { total: size, expected, labels });
      return { digest: digest || expected };
    } catch (error) {
      if (isAlreadyExists(error)) return { digest: expected };
      throw error;
    }
  }

  /** Ends the call. What was written without a commit stays for a later writer of the same ref, or for `abort`. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.call.end();
    this.call.cancel();
    this.fail(new ContainerdError(Code.CANCELLED, `the writer of ${this.ingest.ref} is closed`, METHOD));
  }

  private request(
    action: WriteAction,
    more: Partial<Pick<WriteContentRequest, 'total' | 'expected' | 'labels'>> = {},
  ): Promise<WriteContentResponse> {
    return this.ask({ ...this.message(action), ...more });
  }

  private message(action: WriteAction): WriteContentRequest {
    return { action, ...this.ingest, offset: this.sent, data: NOTHING, labels: {} };
  }

  /** A WRITE of these parts, which are not copied: the general encoder copies them twice, into memory it has zeroed. */
  private encodedWrite(parts: readonly Buffer[], bytes: number): EncodedMessage {
    const head = WriteContentRequest.encode(this.message(WriteAction.WRITE)).uint32(DATA_TAG).uint32(bytes).finish();
    return new EncodedMessage(Buffer.from(head), ...parts);
  }

  private ask(message: WriteContentRequest | EncodedMessage): Promise<WriteContentResponse> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.call.send(message).catch((error: unknown) => this.fail(error));
    });
  }

  /** Answers come in the order of their requests. */
  private async listen(): Promise<void> {
    try {
      for await (const response of this.call.responses) this.waiting.shift()?.resolve(response);
      this.fail(new ContainerdError(Code.UNAVAILABLE, `the write of ${this.ingest.ref} has ended early`, METHOD));
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
    this.room?.();
  }

  private landed(): void {
    this.inFlight -= 1;
    this.room?.();
  }

  private async roomForOne(): Promise<void> {
    while (this.failure === undefined && this.inFlight >= IN_FLIGHT) {
      await new Promise<void>((resolve) => {
        this.room = resolve;
      });
    }
    if (this.failure !== undefined) throw this.failure;
  }
}

/** The same bytes in groups of no more than one message's. */
function* inMessages(chunks: readonly Buffer[]): Generator<Buffer[]> {
  let group: Buffer[] = [];
  let room = CHUNK_BYTES;
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + room);
      group.push(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield group;
      group = [];
      room = CHUNK_BYTES;
    }
  if (group.length > 0) yield group;
}
