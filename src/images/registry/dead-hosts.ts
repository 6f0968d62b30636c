import { errnoOf, errorMessage } from '../../base/errors';
import { DeadlineError } from '../../base/wait/deadline';
import { TLS_REFUSED } from './dial';

/** How long other pulls leave a host alone that let one of them wait. Its address may be right again after that. */
const REMEMBERED_MS = 60_000;
/** What is found out sooner than this is found out again: nobody waits for it. */
const SLOW_MS = 1000;
const MAX_REMEMBERED = 256;

/** What a request does about a host that could not be reached before. */
export type Dialling =
  /** Fails without dialling. The default. */
  | 'unless-dead'
  /** Dials, unless this pull itself has found the host dead and never had an answer from it: nothing else is left to ask. */
  | 'insist'
  /** Dials. */
  | 'always';

/** How a host is reached: `host` for all pulls, `connection` for one, which has its own certificates. */
export interface RouteKeys {
  readonly host: string;
  readonly connection: string;
}

interface Found {
  readonly error: unknown;
  readonly at: number;
}

/** The code of a KnownDeadError. */
export const KNOWN_DEAD = 'KNOWN_DEAD';

/** A host is not dialled: it could not be reached shortly before. */
class KnownDeadError extends Error {
  override readonly name = 'KnownDeadError';
  readonly code = KNOWN_DEAD;
  constructor({ error, at }: Found) {
    const seconds = Math.round((performance.now() - at) / 1000);
    super(`not dialled again, ${seconds} s after this: ${errorMessage(error)}`);
  }
}

/** Hosts that let a pull wait for a connection and did not make one: other pulls ask elsewhere for a while. */
export class DeadHosts {
  private readonly found = new Map<string, Found>();

  add(host: string, found: Found): void {
    this.found.delete(host); // the order of the map is that of time
    this.found.set(host, found);
    for (const [oldest] of this.found) {
      if (this.found.size <= MAX_REMEMBERED) break;
      this.found.delete(oldest);
    }
  }

  delete(host: string): void {
    this.found.delete(host);
  }

  get(host: string): Found | undefined {
    const found = this.found.get(host);
    if (found && performance.now() - found.at > REMEMBERED_MS) this.found.delete(host);
    return this.found.get(host);
  }
}

/** What one pull knows about the hosts that it has dialled, and about those that other pulls have. */
export class HostMemory {
  private readonly dead = new Map<string, Found>();
  private readonly answered = new Set<string>();

  constructor(private readonly others: DeadHosts) {}

  /** Throws a KnownDeadError if the host is not to be dialled. */
  check({ host, connection }: RouteKeys, dialling: Dialling): void {
    if (dialling === 'always') return;
    const here = this.dead.get(connection);
    if (here && (dialling === 'unless-dead' || !this.answered.has(connection))) throw new KnownDeadError(here);
    const elsewhere = dialling === 'unless-dead' ? this.others.get(host) : undefined;
    if (elsewhere) throw new KnownDeadError(elsewhere);
  }

  /** A connection could not be made, which was known after `tookMs`. */
  unreached({ host, connection }: RouteKeys, error: unknown, tookMs: number): void {
    const late = [error, causeOf(error)].some((each) => each instanceof DeadlineError);
    if (errnoOf(error) === TLS_REFUSED && !late) return; // it is there, and may be spoken to in plain http
    const found = { error, at: performance.now() };
    this.dead.set(connection, found);
    if (late || tookMs >= SLOW_MS) this.others.add(host, found);
  }

  /** The host has answered, whatever the status. */
  hasAnswered({ host, connection }: RouteKeys): void {
    this.answered.add(connection);
    this.dead.delete(connection);
    this.others.delete(host);
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
