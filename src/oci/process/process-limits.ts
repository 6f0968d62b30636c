import { eachOf, type Pieces } from '../../base/work/pieces';
import type { SpecProcess } from '../../model/spec';
import { OciError } from '../oci-error';

/**
 * What execve(2) takes of one argument, or of one variable, with the NUL behind it: MAX_ARG_STRLEN of the kernel's
 * binfmts.h, 32 pages of 4 KiB. A program with a longer one cannot be started; an OCI runtime learns of that too late to tell.
 */
export const MAX_ARGUMENT_BYTES = 131_072;

/**
 * What execve(2) takes of all arguments and variables together, whatever the process's limit of its stack: three quarters of
 * 8 MiB (`bprm_stack_limits`). A NUL behind each counts, and a pointer to each.
 */
export const MAX_PROCESS_BYTES = 6 * 1024 * 1024;
const POINTER_BYTES = 8;

/** The most bytes of UTF-8 that one unit of a string can take. */
const BYTES_PER_UNIT = 3;

/** Throws an OciError for an argument that no kernel takes, or that a NUL byte would end; `field` is of the list. */
export function checkArguments(args: readonly string[], field: string): void {
  args.forEach((each, i) => {
    if (each.includes('\0')) throw new OciError(`${field}[${i}]`, 'the argument has a NUL byte');
    if (mayBeLong(each)) checkLength(each, `${field}[${i}]`, 'the argument');
  });
}

/** Throws an OciError for a variable of a list, as `NAME=value`, that no kernel takes, or that a NUL byte would end. */
export function checkVariable(entry: string, list: string, at: number): void {
  if (entry.includes('\0')) throw new OciError(`${list}[${at}]`, 'the variable has a NUL byte');
  if (mayBeLong(entry)) checkLength(entry, `${list}[${at}]`, 'the variable');
}

/** The same for each of a list. */
export function* checkVariables(entries: readonly string[], list: string): Pieces<void> {
  yield* eachOf(entries, (entry, at) => checkVariable(entry, list, at));
}

function mayBeLong(text: string): boolean {
  return text.length * BYTES_PER_UNIT >= MAX_ARGUMENT_BYTES;
}

function checkLength(text: string, field: string, what: string): void {
  const bytes = Buffer.byteLength(text) + 1;
  if (bytes <= MAX_ARGUMENT_BYTES) return;
  throw new OciError(field, `${what} has ${bytes} bytes with the NUL behind it, ${MAX_ARGUMENT_BYTES} are the limit`);
}

/** Throws an OciError when no kernel takes the arguments and the environment of a process; `field` is of the arguments. */
export function* checkProcessSize(
  { args = [], env = [] }: Pick<SpecProcess, 'args' | 'env'>,
  field: string,
): Pieces<void> {
  let bytes = 0;
  for (const list of [args, env]) {
    yield* eachOf(list, (each) => {
      bytes += Buffer.byteLength(each) + 1 + POINTER_BYTES;
    });
  }
  if (bytes <= MAX_PROCESS_BYTES) return;
  throw new OciError(
    field,
    `arguments and environment together take ${bytes} bytes, ${MAX_PROCESS_BYTES} are the limit`,
  );
}
