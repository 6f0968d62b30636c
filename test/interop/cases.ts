import { deepStrictEqual as equal, rejects } from 'node:assert/strict';
import { PayloadType, TestServiceDefinition, UnimplementedServiceDefinition } from '../../generated/grpc/testing/test';
import { type Channel, createClient } from '../../src/rpc/client/client';
import { Code } from '../../src/rpc/code';
import { payload } from './test-service';

/** What gRPC's client in Go asks of our server. */
export const SERVER_CASES = [
  ...['empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong', 'empty_stream'],
  ...['timeout_on_sleeping_server', 'cancel_after_begin', 'cancel_after_first_response', 'custom_metadata'],
  ...['status_code_and_message', 'special_status_message', 'unimplemented_method', 'unimplemented_service'],
  'pick_first_unary',
];
/** These once more with requests that gzip has compressed. */
export const COMPRESSED_CASES = ['empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong'];

const REQUESTS = [27_182, 8, 1828, 45_904];
const REPLIES = [31_415, 9, 2653, 58_979];
const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

const simple = (responseSize: number, requestSize: number, status?: { code: number; message: string }) => ({
  ...{ responseType: PayloadType.COMPRESSABLE, responseSize, payload: payload(requestSize) },
  ...{ responseStatus: status, fillServerId: false },
});
const output = (sizes: readonly number[], requestSize = 0) => ({
  ...{ responseType: PayloadType.COMPRESSABLE, payload: payload(requestSize), responseStatus: undefined },
  responseParameters: sizes.map((size) => ({ size, intervalUs: 0 })),
});
const client = (channel: Channel) => createClient(TestServiceDefinition, channel);

/** gRPC's cases by their names, with our client; each rejects when it fails. */
export const CLIENT_CASES: Readonly<Record<string, (channel: Channel) => Promise<void>>> = {
  async empty_unary(channel) {
    equal(await client(channel).emptyCall({}), {});
  },
  async large_unary(channel) {
    const reply = await client(channel).unaryCall(simple(314_159, 271_828));
    equal(reply.payload, payload(314_159));
  },
  async client_streaming(channel) {
    const call = client(channel).streamingInputCall();
    for (const size of REQUESTS) await call.send({ payload: payload(size) });
    call.end();
    const replies: number[] = [];
    for await (const { aggregatedPayloadSize } of call.responses) replies.push(aggregatedPayloadSize);
    equal(replies, [74_922]);
  },
  async server_streaming(channel) {
    const sizes: (number | undefined)[] = [];
    for await (const reply of client(channel).streamingOutputCall(output(REPLIES))) sizes.push(sizeOf(reply));
    equal(sizes, REPLIES);
  },
  async ping_pong(channel) {
    const call = client(channel).fullDuplexCall();
    const replies = call.responses[Symbol.asyncIterator]();
    for (const [at, size] of REPLIES.entries()) {
      await call.send(output([size], REQUESTS[at] ?? 0));
      equal(sizeOf((await replies.next()).value), size);
    }
    call.end();
    equal((await replies.next()).done, true);
  },
  async empty_stream(channel) {
    const call = client(channel).fullDuplexCall();
    call.end();
    for await (const _ of call.responses) throw new Error('an answer to nothing');
  },
  async cancel_after_begin(channel) {
    const gone = new AbortController();
    const call = client(channel).streamingInputCall({ signal: gone.signal });
    gone.abort(new Error('cancelled'));
    await rejects(() => call.responses[Symbol.asyncIterator]().next(), /cancelled/);
  },
  async cancel_after_first_response(channel) {
    const gone = new AbortController();
    const call = client(channel).fullDuplexCall({ signal: gone.signal });
    const replies = call.responses[Symbol.asyncIterator]();
    await call.send(output([31_415], 27_182));
    equal(sizeOf((await replies.next()).value), 31_415);
    gone.abort(new Error('cancelled'));
    await rejects(() => replies.next(), /cancelled/);
  },
  async timeout_on_sleeping_server(channel) {
    const call = client(channel).fullDuplexCall({ timeoutMs: 1 });
    await call.send(output([], 27_182)).catch(() => undefined); // it may be late already
    await rejects(() => call.responses[Symbol.asyncIterator]().next(), { code: Code.DEADLINE_EXCEEDED });
  },
  async status_code_and_message(channel) {
    const status = { code: Code.UNKNOWN, message: 'test status message' };
    await rejects(() => client(channel).unaryCall(simple(0, 0, status)), failure(status));
    const call = client(channel).fullDuplexCall();
    await call.send({ ...output([]), responseStatus: status });
    call.end();
    await rejects(() => call.responses[Symbol.asyncIterator]().next(), failure(status));
  },
  async special_status_message(channel) {
    const status = { code: Code.UNKNOWN, message: SPECIAL };
    await rejects(() => client(channel).unaryCall(simple(0, 0, status)), failure(status));
  },
  async unimplemented_method(channel) {
    const { emptyCall } = TestServiceDefinition.methods;
    const unknown = { ...emptyCall, name: 'UnimplementedCall' } as const;
    const other = createClient({ ...TestServiceDefinition, methods: { unknown } }, channel);
    await rejects(() => other.unknown({}), { code: Code.UNIMPLEMENTED });
  },
  async unimplemented_service(channel) {
    const other = createClient(UnimplementedServiceDefinition, channel);
    await rejects(() => other.unimplementedCall({}), { code: Code.UNIMPLEMENTED });
  },
};

function sizeOf(reply: { payload?: { body: Buffer } | undefined } | undefined): number | undefined {
  return reply?.payload?.body.length;
}

function failure({ code, message }: { code: number; message: string }): (error: unknown) => boolean {
  return (error) => {
    const found = error as { code?: unknown; message?: unknown };
    return found.code === code && String(found.message).includes(message);
  };
}
