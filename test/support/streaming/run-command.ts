import { dialSpdy } from './direct-client';
import { TestWebSocket } from './web-socket';

/** The streams that a client asks for. */
export interface Streams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

const YES_AND_NO = [true, false];

/** Every choice of streams, also those that are refused. */
export const ALL_CHOICES: readonly Streams[] = YES_AND_NO.flatMap((tty) =>
  YES_AND_NO.flatMap((stdin) =>
    YES_AND_NO.flatMap((stdout) => YES_AND_NO.map((stderr) => ({ tty, stdin, stdout, stderr }))),
  ),
);

/** Such as `stdin+stdout, tty`. */
export function nameOf({ tty, ...streams }: Streams): string {
  const names = Object.entries(streams).flatMap(([name, wanted]) => (wanted ? [name] : []));
  return `${names.join('+') || 'nothing'}${tty ? ', tty' : ''}`;
}

/** Neither a process without any stream nor a terminal with a second output can be asked for. */
export function isPossible({ tty, stdin, stdout, stderr }: Streams): boolean {
  return (stdin || stdout || stderr) && !(tty && stderr);
}

/** What a client saw of a command. */
export interface Seen {
  readonly stdout: string;
  readonly stderr: string;
  /** Its exit code, or what the server said instead. */
  readonly end: number | string;
}

/** Runs the command behind a URL that crisp gave out; it gets `input` when it has a stdin, and stdin stays open. */
export async function runOver(
  transport: 'spdy' | 'websocket',
  url: string,
  wanted: Streams,
  input: string,
): Promise<Seen> {
  return transport === 'spdy' ? overSpdy(url, wanted, input) : overWebSocket(url, wanted, input);
}

async function overSpdy(url: string, { tty, ...wanted }: Streams, input: string): Promise<Seen> {
  const client = await dialSpdy(url);
  try {
    const names = ['error', ...Object.entries(wanted).flatMap(([name, yes]) => (yes ? [name] : []))];
    const streams = await client.openAll(...names, ...(tty ? ['resize'] : []));
    streams.stdin?.write(input);
    const status = (await streams.error?.all()) ?? '';
    return {
      stdout: (await streams.stdout?.all()) ?? '',
      stderr: (await streams.stderr?.all()) ?? '',
      end: endOf(status),
    };
  } finally {
    client.destroy();
  }
}

async function overWebSocket(url: string, { stdin }: Streams, input: string): Promise<Seen> {
  const client = await TestWebSocket.connect(url, 'v5.channel.k8s.io');
  try {
    if (stdin) client.send(0, input);
    await client.end();
    return { stdout: client.text(1), stderr: client.text(2), end: endOf(client.text(3)) };
  } finally {
    client.destroy();
  }
}

/** The exit code in a `metav1.Status`. */
function endOf(text: string): number | string {
  const status = JSON.parse(text || '{}') as { status?: string; message?: string; details?: { causes?: unknown[] } };
  if (status.status === 'Success') return 0;
  const [cause] = (status.details?.causes ?? []) as { reason?: string; message?: string }[];
  return cause?.reason === 'ExitCode' ? Number(cause.message) : (status.message ?? 'no status');
}
