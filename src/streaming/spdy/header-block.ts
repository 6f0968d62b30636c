import { createInflate, type Inflate } from 'node:zlib';
import { headerDictionary } from './dictionary';
import { SpdyError, type SpdyLimits } from './limits';

export type Headers = ReadonlyMap<string, string>;

/** Reads the names and values of an inflated header block; names become lower case. Throws SpdyError. */
export function parseHeaders(block: Buffer, most: number): Headers {
  let at = 0;
  const number = (): number => {
    if (block.length - at < 4) throw new SpdyError('a header block ends too early');
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (length > block.length - at) throw new SpdyError('a header block ends too early');
    at += length;
    return block.toString('utf8', at - length, at);
  };
  const count = number();
  if (count > most) throw new SpdyError(`${count} headers`);
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = text().toLowerCase();
    if (headers.has(name)) throw new SpdyError('a header is given twice');
    headers.set(name, text());
  }
  return headers;
}

/** Inflates the header blocks of one direction: they are one zlib stream, so none may be left out. */
export class HeaderInflater {
  private readonly inflate: Inflate;
  private output: Buffer[] = [];
  private size = 0;
  private fed = 0;
  /** Why no further block can be read. */
  private broken: SpdyError | undefined;
  private tell: ((error: Error | undefined) => void) | undefined;

  constructor(private readonly limits: Pick<SpdyLimits, 'headerBytes' | 'headers'>) {
    this.inflate = createInflate({ dictionary: headerDictionary() });
    this.inflate.on('data', (part: Buffer) => this.collect(part));
    this.inflate.on('error', (error) => this.fail(new SpdyError('header compression', { cause: error })));
    this.inflate.on('end', () => this.fail(new SpdyError('header compression has ended')));
  }

  /** Reads one block; the next one only after this promise has settled. Rejects with SpdyError, also on `close`. */
  read(block: Buffer): Promise<Headers> {
    return new Promise<Buffer>((resolve, reject) => {
      this.output = [];
      this.size = 0;
      this.fed += block.length;
      this.tell = (error) => {
        if (error) reject(error);
        else resolve(Buffer.concat(this.output));
      };
      if (this.broken) this.settle(this.broken);
      else this.inflate.write(block, (error) => this.written(error));
    }).then((inflated) => parseHeaders(inflated, this.limits.headers));
  }

  /** Frees zlib's memory. */
  close(): void {
    this.fail(new SpdyError('the connection is closed'));
    this.inflate.destroy();
  }

  /** A small block may inflate to a thousand times its size: what is too much is not even kept. */
  private collect(part: Buffer): void {
    this.size += part.length;
    if (this.size <= this.limits.headerBytes) {
      this.output.push(part);
      return;
    }
    this.fail(new SpdyError('the headers are too large'));
    this.inflate.destroy();
  }

  /** Once a zlib stream has ended, what follows is passed over without a word. */
  private written(error: Error | null | undefined): void {
    if (error) this.fail(new SpdyError('header compression', { cause: error }));
    else if (this.inflate.bytesWritten < this.fed) this.fail(new SpdyError('header compression has ended'));
    else this.settle(undefined);
  }

  private fail(error: SpdyError): void {
    this.broken ??= error;
    this.settle(this.broken);
  }

  private settle(error: Error | undefined): void {
    const { tell } = this;
    this.tell = undefined;
    this.output = error ? [] : this.output;
    tell?.(error);
  }
}
