import { Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { type EchoStatus, PayloadType, TestServiceDefinition } from '../../generated/grpc/testing/test';
import { silentLogger } from '../../src/base/logger';
import { noMetrics } from '../../src/base/metrics';
import { Code } from '../../src/rpc/code';
import { RpcError } from '../../src/rpc/rpc-error';
import { RpcServer } from '../../src/rpc/server/server';
import type { ServiceImpl } from '../../src/rpc/service';

const ECHO_INITIAL = 'x-grpc-test-echo-initial';
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin';

/** So many zeros. */
export const payload = (size: number) => ({ type: PayloadType.COMPRESSABLE, body: Buffer.alloc(size) });

/** gRPC's test service as its description has it, on our server; not listening yet. */
export function testServer(): RpcServer {
  const toStatus = (thrown: unknown) =>
    thrown instanceof RpcError
      ? { code: thrown.code, message: thrown.message }
      : { code: Code.INTERNAL, message: String(thrown) };
  const server = new RpcServer({ log: silentLogger, metrics: noMetrics, toStatus, interceptors: [echoMetadata] });
  server.addService(TestServiceDefinition, rows);
  return server;
}

const rows: ServiceImpl<typeof TestServiceDefinition> = {
  emptyCall: async () => ({}),
  async unaryCall({ responseSize, responseStatus, fillServerId }) {
    throwAsked(responseStatus);
    return { payload: payload(responseSize), serverId: fillServerId ? String(process.pid) : '' };
  },
  async *streamingOutputCall({ responseParameters }) {
    for (const { size } of responseParameters) yield { payload: payload(size) };
  },
  async streamingInputCall(requests) {
    let aggregatedPayloadSize = 0;
    for await (const request of requests) aggregatedPayloadSize += request.payload?.body.length ?? 0;
    return { aggregatedPayloadSize };
  },
  async *fullDuplexCall(requests) {
    for await (const { responseParameters, responseStatus } of requests) {
      throwAsked(responseStatus);
      for (const { size } of responseParameters) yield { payload: payload(size) };
    }
  },
};

function throwAsked(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) throw new RpcError(status.code as Code, status.message);
}

/** Sends two headers back: one before the answer, one behind it. */
const echoMetadata: ServerInterceptor = (_method, call) => {
  const trailing = new Metadata();
  return new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, pass) => {
          for (const value of metadata.get(ECHO_TRAILING)) trailing.add(ECHO_TRAILING, value);
          const initial = new Metadata();
          for (const value of metadata.get(ECHO_INITIAL)) initial.add(ECHO_INITIAL, value);
          if (metadata.get(ECHO_INITIAL).length > 0) call.sendMetadata(initial);
          pass(metadata);
        },
      }),
    sendStatus: (status, next) => next({ ...status, metadata: trailing }),
  });
};
