import type { Duplex } from 'node:stream';
import type {
  AttachRequest,
  ExecRequest,
  ProcessStreams,
  StreamingRuntime,
} from '../../../src/streaming/streaming-runtime';

/** Containers that do what a test says. Counts what it was asked for and what is still going on. */
export class FakeRuntime implements StreamingRuntime {
  readonly execs: ExecRequest[] = [];
  readonly attaches: AttachRequest[] = [];
  readonly dials: { sandboxId: string; port: number }[] = [];
  /** Calls that have not settled. */
  running = 0;
  onExec: (streams: ProcessStreams, request: ExecRequest, onMade?: () => void) => Promise<number> = async () => 0;
  onAttach: (streams: ProcessStreams, request: AttachRequest) => Promise<void> = async () => undefined;
  onDial: (port: number, signal: AbortSignal) => Promise<Duplex> = () => Promise.reject(new Error('nobody listens'));

  exec(request: ExecRequest, streams: ProcessStreams, onMade?: () => void): Promise<number> {
    this.execs.push(request);
    return this.counted(this.onExec(streams, request, onMade));
  }

  attach(request: AttachRequest, streams: ProcessStreams): Promise<void> {
    this.attaches.push(request);
    return this.counted(this.onAttach(streams, request));
  }

  dial(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex> {
    this.dials.push({ sandboxId, port });
    return this.onDial(port, signal);
  }

  private counted<T>(doing: Promise<T>): Promise<T> {
    this.running++;
    return doing.finally(() => {
      this.running--;
    });
  }
}
