import { Client, credentials, Metadata } from '@grpc/grpc-js';

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

interface Method<Request, Response> {
  readonly name: string;
  readonly requestType: Codec<Request>;
  readonly responseType: Codec<Response>;
}

/**
 * Plain calls on a daemon's gRPC socket. It shares only the generated messages with the code under test, so that what it
 * records does not depend on that code.
 */
export class DaemonClient {
  private readonly client: Client;
  private readonly metadata = new Metadata();

  constructor(socket: string, namespace = 'k8s.io') {
    this.client = new Client(`unix://${socket}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': 64 << 20,
    });
    this.metadata.set('containerd-namespace', namespace);
  }

  unary<Request, Response>(service: string, method: Method<Request, Response>, request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        `/${service}/${method.name}`,
        (message: Request) => Buffer.from(method.requestType.encode(message).finish()),
        (bytes) => method.responseType.decode(bytes),
        request,
        this.metadata,
        (error, response) => (error || response === undefined ? reject(error) : resolve(response)),
      );
    });
  }

  async stream<Request, Response>(
    service: string,
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response[]> {
    const call = this.client.makeServerStreamRequest(
      `/${service}/${method.name}`,
      (message: Request) => Buffer.from(method.requestType.encode(message).finish()),
      (bytes) => method.responseType.decode(bytes),
      request,
      this.metadata,
    );
    const answers: Response[] = [];
    for await (const answer of call) answers.push(answer as Response);
    return answers;
  }

  close(): void {
    this.client.close();
  }
}
