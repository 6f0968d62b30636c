/** What may wait for the main thread: more than a busy one leaves for a moment, little beside its other memory. */
const LIMIT_BYTES = 8 * 1024 * 1024;

/** Output on its way from the thread that copies it to the one that has the attached clients, in bytes. Shared by both. */
export class DataBacklog {
  private readonly bytes: Int32Array;

  /** `shared`: that of the other thread's. */
  constructor(readonly shared: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.bytes = new Int32Array(shared);
  }

  /** So much waits that no more is to be sent. */
  get isFull(): boolean {
    return Atomics.load(this.bytes, 0) >= LIMIT_BYTES;
  }

  sent(bytes: number): void {
    Atomics.add(this.bytes, 0, bytes);
  }

  taken(bytes: number): void {
    Atomics.sub(this.bytes, 0, bytes);
  }
}
