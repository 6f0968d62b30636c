import type { ControlConnection } from './control-connection';
import type { Answer, Request } from './messages';
import { StdioError } from './stdio-error';

interface Pending {
  readonly request: Request;
  settle(answer: Answer): void;
}

/** Calls to crisp-stdio that it has not answered. They are asked again over the next connection when one is lost. */
export class PendingCalls {
  private readonly pending = new Map<number, Pending>();
  private seq = 0;

  /**
   * Asks over `connection`, or over the one that `resend` is given while there is none. Rejects with what the process
   * answers, or with UNAVAILABLE when that takes longer than `timeoutMs`; null: there is no limit.
   */
  call(request: Request, timeoutMs: number | null, connection: ControlConnection | undefined): Promise<Answer> {
    const seq = this.nextSeq();
    return new Promise((resolve, reject) => {
      const late = (): void => {
        const message = `the process that has the stdio did not answer "${request.op}" in time`;
        settle({ seq, failure: { code: 'UNAVAILABLE', message } });
      };
      const timer = timeoutMs === null ? undefined : setTimeout(late, timeoutMs);
      const settle = ({ failure, ...answer }: Answer): void => {
        clearTimeout(timer);
        this.pending.delete(seq);
        if (failure) reject(new StdioError(failure.code, failure.message));
        else resolve(answer);
      };
      this.pending.set(seq, { request, settle });
      connection?.send(seq, request);
    });
  }

  /** A number that no other call has. */
  nextSeq(): number {
    return this.seq++;
  }

  answered(answer: Answer): void {
    this.pending.get(answer.seq)?.settle(answer);
  }

  /** What has not been answered by now, to be sent over another connection. */
  unanswered(): (readonly [number, Request])[] {
    return [...this.pending].map(([seq, { request }]) => [seq, request] as const);
  }

  /** Every call that waits is answered with UNAVAILABLE. */
  endAll(message: string): void {
    for (const { settle } of [...this.pending.values()]) settle({ seq: -1, failure: { code: 'UNAVAILABLE', message } });
  }
}
