import type { OutputStream } from '../../stdio/cri-log';
import type { PlannedWrite } from '../../stdio/log-file';

/** One piece of output on its way from a pipe into a log. */
export interface Move {
  /** Id of the container. */
  readonly id: string;
  readonly stream: OutputStream;
  /** Bytes that leave the pipe. */
  readonly taken: number;
  /** The last of them: a reader of the memory can tell by it whether they have left. */
  readonly lastByte: number;
  /** What is appended to the log; undefined: there is no log. */
  readonly write?: PlannedWrite;
}

/** How far a move has come: what is written is not in doubt any more, what is taken may be. */
export interface UnfinishedMove extends Move {
  readonly phase: 'writing' | 'taking';
  /** Taken, beyond doubt: nothing is left to do. */
  readonly done: boolean;
}

/** The most bytes one move can take. */
export const MAX_TAKEN = 256 * 1024;
const SINK_AT = 4096;
/** Size of the memory a journal lies in. */
export const JOURNAL_BYTES = SINK_AT + MAX_TAKEN;

const IDLE = 0;
const WRITING = 1;
const TAKING = 2;
const AT = { phase: 0, stream: 4, taken: 8, length: 12, offset: 16, inode: 24, lastByte: 32, logged: 33, id: 36 };
const MAX_ID = 1024;
const OWNER_AT = 2048;
const MAX_OWNER = 256;

/**
 * What makes a kill at any moment harmless: memory that outlives the process and says which move was under way. A move is
 * a write to the log and then a read that takes the same bytes out of the pipe. Between two system calls the memory says
 * which one is next; whether the read has happened is seen from the bytes it leaves behind, since it is made to read into
 * this very memory. (Only a kill is survived, not a power cut: pipes do not survive that either.)
 */
export class Journal {
  private readonly sink: Buffer;

  /** `memory` has JOURNAL_BYTES, shared with the next process. */
  constructor(private readonly memory: Buffer) {
    this.sink = memory.subarray(SINK_AT, SINK_AT + MAX_TAKEN);
  }

  /** The thread that writes to this memory, as /proc names it; empty: it is not known. */
  get owner(): string {
    const bytes = this.memory.readUInt32LE(OWNER_AT);
    return bytes > MAX_OWNER ? '' : this.memory.toString('utf8', OWNER_AT + 4, OWNER_AT + 4 + bytes);
  }

  set owner(name: string) {
    this.memory.writeUInt32LE(this.memory.write(name, OWNER_AT + 4, MAX_OWNER, 'utf8'), OWNER_AT);
  }

  /** Carries out a move. `write` appends to the log, `take` reads as many bytes as its buffer holds out of the pipe. */
  move(move: Move, write: () => void, take: (into: Buffer) => void): void {
    this.note(move);
    if (move.write) this.memory.writeUInt32LE(WRITING, AT.phase);
    write();
    this.take(move, take);
  }

  /** The move that was under way when the previous owner of this memory ended. */
  unfinished(): UnfinishedMove | undefined {
    const { memory } = this;
    const phase = memory.readUInt32LE(AT.phase);
    if (phase !== WRITING && phase !== TAKING) return undefined;
    const idBytes = memory.readUInt32LE(AT.id);
    const taken = memory.readUInt32LE(AT.taken);
    if (idBytes > MAX_ID || taken === 0 || taken > MAX_TAKEN) return undefined;
    const lastByte = memory.readUInt8(AT.lastByte);
    return {
      id: memory.toString('utf8', AT.id + 4, AT.id + 4 + idBytes),
      stream: memory.readUInt32LE(AT.stream) === 0 ? 'stdout' : 'stderr',
      taken,
      lastByte,
      write:
        memory.readUInt8(AT.logged) === 0
          ? undefined
          : {
              inode: memory.readBigUInt64LE(AT.inode),
              offset: memory.readDoubleLE(AT.offset),
              length: memory.readUInt32LE(AT.length),
            },
      phase: phase === WRITING ? 'writing' : 'taking',
      done: phase === TAKING && this.sink[taken - 1] === lastByte,
    };
  }

  /** Takes what an unfinished move has already written. */
  take({ taken, lastByte }: Pick<Move, 'taken' | 'lastByte'>, take: (into: Buffer) => void): void {
    this.sink[taken - 1] = lastByte ^ 0xff; // anything but what the read will put there
    this.memory.writeUInt32LE(TAKING, AT.phase);
    take(this.sink.subarray(0, taken));
    this.clear();
  }

  /** Nothing is under way. */
  clear(): void {
    this.memory.writeUInt32LE(IDLE, AT.phase);
  }

  private note({ id, stream, taken, lastByte, write }: Move): void {
    const { memory } = this;
    this.clear();
    memory.writeUInt32LE(stream === 'stdout' ? 0 : 1, AT.stream);
    memory.writeUInt32LE(taken, AT.taken);
    memory.writeUInt8(lastByte, AT.lastByte);
    memory.writeUInt8(write ? 1 : 0, AT.logged);
    if (write) {
      memory.writeUInt32LE(write.length, AT.length);
      memory.writeDoubleLE(write.offset, AT.offset);
      memory.writeBigUInt64LE(write.inode, AT.inode);
    }
    memory.writeUInt32LE(memory.write(id, AT.id + 4, MAX_ID, 'utf8'), AT.id);
  }
}
