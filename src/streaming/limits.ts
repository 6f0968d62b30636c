import { BytePool } from '../base/byte-pool';
import { Seats } from '../base/seats';
import { TurnShare } from './turn-share';
import { KeptMessages } from './websocket/kept-messages';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Connections that have shown no token. kubelet sends its request with the connection, so few are there at a time. The
 * oldest one goes for a further one: it has had the most time to say something.
 */
export const MOST_SILENT = 256;
/**
 * Clients that are served, as many as kubelet and crisp give out URLs at a time. Each costs up to four descriptors (its
 * connection and three FIFOs) and about 200 KiB.
 */
export const MOST_CLIENTS = 1000;
/**
 * Commands that go on without their clients, each with three FIFOs. They leave the seats of clients to others; beyond so many, a
 * command keeps the seat of its client until it ends.
 */
export const MOST_LEFT = 1000;
/** Connections to ports of pods, each a descriptor and two chunks of at most 64 KiB for a peer that does not read. */
export const MOST_FORWARDED = 1000;
/** Streams of all SPDY connections, about 10 KiB each: two for each forwarded connection and five for each command. */
export const MOST_STREAMS = 8000;
/**
 * Parts of the process's limit on descriptors. Together they leave more than half to CRI, containerd and the FIFOs of
 * containers: 64 + 4 * 64 + 3 * 16 + 128 of 1024.
 */
export const DESCRIPTOR_PARTS = { silent: 16, clients: 16, left: 64, forwarded: 8 } as const;

/** The part of seats that is for pods which have few: two pods, with half of the seats each, must not take the last one. */
export const SPARE_PART = 16;
/**
 * So many of the spare seats for each pod: a client; what it forwards at a time, as a browser does; the five streams of a command
 * or the pairs of such a client.
 */
export const SPARE_EACH = { clients: 1, forwarded: 6, streams: 12 } as const;

/** Bytes that clients have sent over SPDY and nobody has read: what is over is not read from their connections. */
export const UNREAD_BYTES = { all: 64 * MIB, ofOwner: 32 * MIB, each: 1 * MIB, own: 64 * KIB } as const;
/**
 * Bytes of WebSocket messages of which the end has not come, and of those that nobody has read. Above it, the client with the
 * most of them is cut off. As many kubectl as may be served have 96 KiB each at most: 64 KiB unread and a message of 32 KiB.
 */
export const KEPT_MESSAGES_BYTES = 128 * MIB;
/** Of those, what the clients of one pod may have. */
export const KEPT_MESSAGES_OF_ONE_BYTES = 64 * MIB;

/** What all clients of a streaming server share. */
export interface SharedLimits {
  readonly silent: number;
  /** One seat for each client; the owner is a pod. */
  readonly clients: Seats;
  /** One seat for each command whose client has left. */
  readonly left: Seats;
  readonly forwarded: Seats;
  readonly streams: Seats;
  readonly unread: BytePool;
  readonly messages: KeptMessages;
  readonly turns: TurnShare;
}

/** `openFiles`: how many descriptors the process may have open. */
export function sharedLimits(openFiles: number = Number.POSITIVE_INFINITY): SharedLimits {
  const part = (most: number, of: number): number => Math.max(1, Math.min(most, Math.floor(openFiles / of)));
  return {
    silent: part(MOST_SILENT, DESCRIPTOR_PARTS.silent),
    clients: seats(part(MOST_CLIENTS, DESCRIPTOR_PARTS.clients), SPARE_EACH.clients),
    left: new Seats(part(MOST_LEFT, DESCRIPTOR_PARTS.left)),
    forwarded: seats(part(MOST_FORWARDED, DESCRIPTOR_PARTS.forwarded), SPARE_EACH.forwarded),
    streams: seats(MOST_STREAMS, SPARE_EACH.streams),
    unread: new BytePool(UNREAD_BYTES),
    messages: new KeptMessages(KEPT_MESSAGES_BYTES, KEPT_MESSAGES_OF_ONE_BYTES),
    turns: new TurnShare(),
  };
}

/** So many seats: half of them one owner's at most, and some spare ones, `each` for every owner. */
function seats(most: number, each: number): Seats {
  return new Seats(most, Math.ceil(most / 2), { seats: Math.floor(most / SPARE_PART), each });
}
