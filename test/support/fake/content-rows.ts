import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import {
  type ContentDefinition,
  type Info,
  WriteAction,
  type WriteContentRequest,
  type WriteContentResponse,
} from '../../../generated/containerd/services/content/v1/content';
import type { DiffDefinition } from '../../../generated/containerd/services/diff/v1/diff';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import { applyMask } from './apply-mask';
import { fieldsOf, matches } from './filter';
import type { Ctx, Rows } from './rows';
import { alreadyExists, type Blob, failedPrecondition, type Ingest, invalidArgument, must, type World } from './world';

const READ_BYTES = 64 * 1024;

/** The sha256 digest of some bytes. */
export function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** Blobs and those on their way in. */
export function contentRows(world: World): Rows<typeof ContentDefinition> {
  return {
    info: ({ digest }, { ns }) => ({ info: infoOf(digest, must(ns.blobs, digest, 'content')) }),
    update: ({ info, updateMask }, { ns }) => {
      if (!info) throw invalidArgument('info');
      const blob = must(ns.blobs, info.digest, 'content');
      const before = infoOf(info.digest, blob);
      blob.labels = applyMask(before, info, updateMask, ['digest', 'size', 'createdAt']).labels;
      blob.updatedAt = world.now();
      return { info: infoOf(info.digest, blob) };
    },
    async *list({ filters }, { ns }) {
      const all = [...ns.blobs].map(([digest, blob]) => infoOf(digest, blob));
      yield { info: all.filter(({ digest, labels }) => matches(filters, fieldsOf({ digest }, labels))) };
    },
    delete: ({ digest }, { ns }) => {
      must(ns.blobs, digest, 'content');
      ns.blobs.delete(digest);
      return {};
    },
    async *read({ digest, offset, size }, { ns }) {
      const { data } = must(ns.blobs, digest, 'content');
      if (offset > BigInt(data.length)) throw new RpcError(Code.OUT_OF_RANGE, 'offset beyond the end');
      const end = size > 0n ? Math.min(Number(offset + size), data.length) : data.length;
      for (let at = Number(offset); at < end; at += READ_BYTES) {
        yield { offset: BigInt(at), data: data.subarray(at, Math.min(at + READ_BYTES, end)) };
      }
    },
    status: ({ ref }, { ns }) => ({ status: statusOf(ref, must(ns.ingests, ref, 'ingest')) }),
    listStatuses: (_req, { ns }) => ({ statuses: [...ns.ingests].map(([ref, ingest]) => statusOf(ref, ingest)) }),
    abort: ({ ref }, { ns }) => {
      must(ns.ingests, ref, 'ingest');
      ns.ingests.delete(ref);
      return {};
    },
    write: (requests, ctx) => write(world, requests, ctx),
  };
}

/** Unpacking without files: only what the uncompressed layer is. */
export function diffRows(world: World): Rows<typeof DiffDefinition> {
  return {
    apply: ({ diff }, { ns }) => {
      const { data } = must(ns.blobs, diff?.digest ?? '', 'content');
      const tar = data[0] === 0x1f && data[1] === 0x8b ? gunzipSync(data) : data;
      const mediaType = 'application/vnd.oci.image.layer.v1.tar';
      world.now();
      return { applied: { mediaType, digest: digestOf(tar), size: BigInt(tar.length), annotations: {} } };
    },
    diff: () => {
      throw new RpcError(Code.UNIMPLEMENTED, 'the fake makes no diffs');
    },
  };
}

async function* write(
  world: World,
  requests: AsyncIterable<WriteContentRequest>,
  ctx: Ctx,
): AsyncGenerator<WriteContentResponse> {
  let open: { ref: string; ingest: Ingest } | undefined;
  try {
    for await (const req of requests) {
      open ??= { ref: req.ref, ingest: openIngest(world, req, ctx) };
      const { ingest } = open;
      if (req.total > 0n) ingest.total = req.total;
      if (req.expected) ingest.expected = req.expected;
      if (req.action !== WriteAction.STAT) append(world, ingest, req);
      const digest = req.action === WriteAction.COMMIT ? commit(world, open, req, ctx) : '';
      const { startedAt, updatedAt, total } = ingest;
      yield { action: req.action, startedAt, updatedAt, offset: BigInt(ingest.data.length), total, digest };
      if (req.action === WriteAction.COMMIT) return;
    }
  } finally {
    if (open) open.ingest.locked = false;
  }
}

function openIngest(world: World, { ref, expected, total }: WriteContentRequest, { ns }: Ctx): Ingest {
  if (!ref) throw invalidArgument('first message must have a reference');
  if (expected && ns.blobs.has(expected)) throw alreadyExists(`content ${expected}`);
  const now = world.now();
  const found = ns.ingests.get(ref);
  if (found?.locked) throw new RpcError(Code.UNAVAILABLE, `ref ${ref} locked: unavailable`);
  const fresh = { data: Buffer.alloc(0), total, expected, locked: true, startedAt: now, updatedAt: now };
  const ingest = found ?? fresh;
  ingest.locked = true;
  ns.ingests.set(ref, ingest);
  return ingest;
}

function append(world: World, ingest: Ingest, { offset, data }: WriteContentRequest): void {
  if (offset > 0n && offset !== BigInt(ingest.data.length)) {
    throw new RpcError(Code.OUT_OF_RANGE, `write @${offset} must occur at current offset ${ingest.data.length}`);
  }
  ingest.data = Buffer.concat([ingest.data, data]);
  ingest.updatedAt = world.now();
}

function commit(
  world: World,
  { ref, ingest }: { ref: string; ingest: Ingest },
  { total, expected, labels }: WriteContentRequest,
  { ns, protect }: Ctx,
): string {
  const digest = digestOf(ingest.data);
  const size = BigInt(ingest.data.length);
  if (total > 0n && total !== size) throw failedPrecondition(`unexpected commit size ${size}, expected ${total}`);
  if (expected && expected !== digest)
    throw failedPrecondition(`unexpected commit digest ${digest}, expected ${expected}`);
  ns.ingests.delete(ref);
  protect('content', digest);
  if (ns.blobs.has(digest)) throw alreadyExists(`content ${digest}`);
  const now = world.now();
  ns.blobs.set(digest, { data: ingest.data, labels, createdAt: now, updatedAt: now });
  return digest;
}

function infoOf(digest: string, { data, labels, createdAt, updatedAt }: Blob): Info {
  return { digest, size: BigInt(data.length), labels, createdAt, updatedAt };
}

function statusOf(ref: string, { data, total, expected, startedAt, updatedAt }: Ingest) {
  return { ref, offset: BigInt(data.length), total, expected, startedAt, updatedAt };
}
