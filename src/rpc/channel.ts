import { credentials, Client as GrpcClient } from '@grpc/grpc-js';
import { socketPath } from './socket-file';

/** A connection to a gRPC server on a unix socket. Dials on the first call and again after each break. */
export interface Channel {
  readonly grpc: GrpcClient;
  /** Ends the connection; calls under way fail with UNAVAILABLE or CANCELLED. */
  close(): void;
}

/** Twice of what containerd sends at most (16 MiB); grpc-js's own limit is 4 MiB, less than a large ListContainers. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** A channel to `address`: a path, or `unix://` and a path. Nothing is dialled yet. */
export function createChannel(address: string): Channel {
  const grpc = new GrpcClient(`unix:${socketPath(address)}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.default_authority': 'localhost',
    'grpc.enable_channelz': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1, // close() means this connection and no other's
    // A daemon on the same machine is back within a second; gRPC's own backoff would grow to two minutes.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  });
  return { grpc, close: () => grpc.close() };
}
