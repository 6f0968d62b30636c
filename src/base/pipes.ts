/** A pipe that has something new: bytes, or the end of its last writer. */
export interface ReadyPipe {
  readonly fd: number;
  /** Every writer has gone. What lies in the pipe can still be taken. */
  readonly hungUp: boolean;
}

/** Waits for many pipes. Each change is told once: who is told must look until nothing is left. */
export interface PipePoller {
  /**
   * A byte written to this descriptor, by any thread of this process, ends the wait that goes on, or else the next. It
   * belongs to the thread that writes to it, which closes it when the poller is gone: closed by anybody else, its number
   * could be another file's by the time of a write.
   */
  readonly waker: number;
  /** Afterwards changes of the pipe are told, beginning with what lies in it now. */
  add(fd: number): void;
  remove(fd: number): void;
  /** Blocks this thread until something happens or the time is up; negative: for ever. */
  wait(timeoutMs: number): ReadyPipe[];
  /** Closes all but the waker. */
  close(): void;
}

/** Looks into pipes. */
export interface PipePeeker {
  /** Copies what lies at the head of the pipe, as far as `into` holds it, and leaves it there; 0: nothing to see. */
  peek(fd: number, into: Buffer): number;
  close(): void;
}

/** What a reader of pipes needs of the kernel beyond what Node offers; `host/` has it, and tests may have another. */
export interface Pipes {
  poller(): PipePoller;
  /** `capacity`: how many bytes a look shall be able to see. */
  peeker(capacity: number): PipePeeker;
  /** Asks for room for that many bytes in the pipe; answers the room there is. */
  setCapacity(fd: number, bytes: number): number;
  /** Takes exactly as many bytes as `into` holds, which must be there. */
  take(fd: number, into: Buffer): void;
  /**
   * Memory of a file, made if absent: what is in it outlives this process. Without room for it on the disk it is this
   * process's alone, with what was in the file, and `onNoRoom` is called.
   */
  sharedMemory(path: string, bytes: number, onNoRoom?: () => void): Buffer;
}
