import { setFlagsFromString } from 'node:v8';

/** By how much of what is in use V8 lets the heap grow before it marks all of it; 0: what it finds right itself. */
const ROOMY_PERCENT = 300;
const OWN_CHOICE = 0;

/**
 * Room for work that streams many bytes. Buffers count as heap until they are collected, and a heap that is kept small, as
 * a daemon's is, is then marked as a whole for every few megabytes.
 */
export class HeapRoom {
  private users = 0;

  /** Lets the heap grow while `act` runs. */
  async while<T>(act: () => Promise<T>): Promise<T> {
    if (this.users++ === 0) allow(ROOMY_PERCENT);
    try {
      return await act();
    } finally {
      if (--this.users === 0) allow(OWN_CHOICE);
    }
  }
}

function allow(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
