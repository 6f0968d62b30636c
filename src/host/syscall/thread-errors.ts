import { BadInputError } from '../bad-input';
import { SyscallError } from './syscalls';

/** An error as it passes between threads: a clone of one has neither its class nor its errno. */
export interface ThrownThere {
  readonly class: 'SyscallError' | 'BadInputError' | 'Error';
  readonly message: string;
  readonly stack?: string;
  /** Of a SyscallError: what it is made of. */
  readonly made?: { readonly syscall: string; readonly errno: number; readonly subject: string };
  /** Of an error of Node's: `code`, `errno`, `syscall`, `path`, as far as there are any. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

const FACTS = ['code', 'errno', 'syscall', 'path', 'dest'] as const;

/** What was thrown, in a form that can be cloned. */
export function toThrownThere(thrown: unknown): ThrownThere {
  if (!(thrown instanceof Error)) return { class: 'Error', message: String(thrown) };
  const { message, stack } = thrown;
  if (thrown instanceof SyscallError) {
    const { syscall, errno, subject } = thrown;
    return { class: 'SyscallError', message, stack, made: { syscall, errno, subject } };
  }
  if (thrown instanceof BadInputError) return { class: 'BadInputError', message, stack };
  const fields = FACTS.flatMap((key): [string, unknown][] => {
    const value: unknown = Reflect.get(thrown, key);
    return typeof value === 'string' || typeof value === 'number' ? [[key, value]] : [];
  });
  return { class: 'Error', message, stack, facts: Object.fromEntries(fields) };
}

/** The error again, of its class, with the stack that it had there. Anything else is answered as it is. */
export function fromThrownThere(thrown: unknown): unknown {
  if (!isThrownThere(thrown)) return thrown;
  const error = remade(thrown);
  if (thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
}

function remade({ class: name, message, made, facts }: ThrownThere): Error {
  if (name === 'SyscallError' && made) return new SyscallError(made.syscall, made.errno, made.subject);
  if (name === 'BadInputError') return new BadInputError(message);
  return Object.assign(new Error(message), facts);
}

function isThrownThere(thrown: unknown): thrown is ThrownThere {
  return typeof thrown === 'object' && thrown !== null && !(thrown instanceof Error) && 'class' in thrown;
}
