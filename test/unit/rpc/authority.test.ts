import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import { RpcRig } from './rpc-rig';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const FRAME = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const PROTOCOL_ERROR = 1;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header as HPACK writes one it has never seen: two texts with their lengths. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/** A whole unary call without a message body, as frames. */
function request(authority: string | undefined): Buffer {
  const headers = [
    literal(':method', 'POST'),
    literal(':scheme', 'http'),
    literal(':path', '/containerd.services.version.v1.Version/Version'),
    ...(authority === undefined ? [] : [literal(':authority', authority)]),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
  ];
  return Buffer.concat([
    Buffer.from(PREFACE),
    frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(0)),
    frame(FRAME.HEADERS, END_HEADERS, 1, Buffer.concat(headers)),
    frame(FRAME.DATA, END_STREAM, 1, Buffer.alloc(5)),
  ]);
}

/** How the server takes the call: with headers, or with a reset and its code. */
async function outcome(socket: Socket): Promise<string> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const length = bytes.readUIntBE(0, 3);
      const [type, stream] = [bytes.readUInt8(3), bytes.readUInt32BE(5)];
      const payload = bytes.subarray(9, 9 + length);
      bytes = bytes.subarray(9 + length);
      if (stream === 1 && type === FRAME.HEADERS) return 'answered';
      if (stream === 1 && type === FRAME.RST_STREAM)
        return payload.readUInt32BE(0) === PROTOCOL_ERROR ? 'refused' : 'reset';
    }
  }
}

describe('A call whose HTTP/2 authority is', () => {
  let rig: RpcRig;
  beforeEach(async () => {
    rig = new RpcRig();
    const server = rig.server();
    server.addService(VersionDefinition, { version: async () => ({ version: '1', revision: '' }) });
    await server.listen(rig.socket);
  });
  afterEach(() => rig.close());

  // Node refuses these before anything of ours sees them. kubelet and crictl send `localhost` (Kubernetes PR 123463).
  it.each<[string | undefined, string]>([
    ['localhost', 'answered'],
    ['localhost:1234', 'answered'],
    ['[::1]', 'answered'],
    ['%2Frun%2Fcrisp%2Fcrisp.sock', 'answered'],
    [undefined, 'refused'],
    ['', 'refused'],
    ['/run/crisp/crisp.sock', 'refused'],
    ['unix:///run/crisp/crisp.sock', 'refused'],
  ])('%j is %s', async (authority, expected) => {
    const socket = connect(rig.socket);
    try {
      socket.write(request(authority));
      expect(await outcome(socket)).toBe(expected);
    } finally {
      socket.destroy();
    }
  });
});
