import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Made } from './messages';

/** What a call gets; those that have no end are left after a moment. */
const CALL_MS = 3000;
const STREAM_MS = 60;

/** How a call ended: gRPC's code by its name, and what was said. */
export interface Ended {
  readonly code: string;
  readonly message: string;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/** A client that sends bytes as they are, by the official library. */
export class RawClient {
  private readonly client: Client;

  constructor(socket: string) {
    // A connection of its own: grpc-js shares those to one address otherwise.
    this.client = new Client(`unix:${socket}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  }

  /** Sends a request and waits for the end of its call. Never rejects. */
  send({ rpc, bytes }: Made): Promise<Ended> {
    return rpc.isStream ? this.stream(rpc.path, bytes) : this.unary(rpc.path, bytes);
  }

  close(): void {
    this.client.close();
  }

  private unary(path: string, bytes: Buffer): Promise<Ended> {
    return new Promise((resolve) => {
      const deadline = Date.now() + CALL_MS;
      this.client.makeUnaryRequest(path, asItIs, asItIs, bytes, new Metadata(), { deadline }, (error) =>
        resolve(endOf(error)),
      );
    });
  }

  private stream(path: string, bytes: Buffer): Promise<Ended> {
    return new Promise((resolve) => {
      const call = this.client.makeServerStreamRequest(path, asItIs, asItIs, bytes);
      const late = setTimeout(() => call.cancel(), STREAM_MS);
      const done = (end: Ended): void => {
        clearTimeout(late);
        resolve(end);
      };
      call.on('data', () => undefined);
      call.on('error', (error: ServiceError) => done(endOf(error)));
      call.on('end', () => done({ code: 'OK', message: '' }));
    });
  }
}

function endOf(error: ServiceError | null): Ended {
  if (!error) return { code: 'OK', message: '' };
  return { code: status[error.code] ?? String(error.code), message: error.details };
}
