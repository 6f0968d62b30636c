import { goList, goStruct, readAsGo } from '../../base/json/go-fields';
import { PullError, refused, unreachable } from '../errors';
import { redactUrl } from '../redact';
import { type HttpResponse, readBody } from './http-body';

const MAX_ERROR_BODY = 16_384;
/** Registered media types are shorter; a server may send anything. */
const MAX_MEDIA_TYPE = 100;
const ERRORS_SHAPE = goStruct('', { errors: goList(goStruct('code message detail')) });

/**
 * Who answered what, for an error about the content of an answer: address, status and media type. The body is no part of
 * it: it may hold anything.
 */
export function answered(response: Pick<HttpResponse, 'url' | 'status' | 'headers'>): string {
  const type = mediaTypeOf(response);
  return `${redactUrl(response.url)} answered ${response.status} ${type === '' ? 'without a media type' : `with ${type}`}`;
}

/** What to throw for an answer whose status is not the one hoped for, in the registry's own words. Ends the body. */
export async function failureOf(response: HttpResponse, what: string): Promise<PullError> {
  const { status } = response;
  const type = mediaTypeOf(response);
  const said = await wordsOf(response);
  // A registry's errors are JSON. Another type says that something else has answered, such as a proxy's login page.
  const odd = type === '' || /\bjson$/.test(type) ? '' : ` with ${type}`;
  const message = `${what}: ${redactUrl(response.url)} answered ${status}${odd}${said === '' ? '' : ` (${said})`}`;
  if (status === 401 || status === 403) return refused(`${message}: access is denied`).withStatus(status);
  if (status === 404) return refused(`${message}: not found`).withStatus(status);
  const passing = status >= 500 || status === 429 || status === 408;
  return (passing ? unreachable(message) : refused(message)).withStatus(status);
}

/**
 * The error for something that no host gave, in which each host's failure is told. Hosts that answered with a status
 * decide of what kind it is, the last of them first of all: a host that says "not found" knows more than one that is not there.
 */
export function failureOfAll(what: string, failures: readonly PullError[]): PullError {
  const last = failures.at(-1);
  if (!last) return refused(`no host is configured from which to get ${what}`);
  if (failures.length === 1) return last;
  const deciding = failures.findLast(({ status }) => status !== undefined) ?? last;
  const all = new PullError(deciding.kind, `${what}: ${failures.map(({ message }) => message).join('; ')}`);
  return deciding.status === undefined ? all : all.withStatus(deciding.status);
}

/** The outcome of `read`; its PullError is made to say where the document came from. */
export function naming<T>(response: HttpResponse, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PullError)) throw error;
    throw new PullError(error.kind, `${error.message}: ${answered(response)}`);
  }
}

/** True if a host does not have what was asked for, or not by that name; it answered, and may not be asked to wait. */
export function isNotServed(error: unknown): boolean {
  const status = error instanceof PullError ? (error.status ?? 0) : 0;
  return status >= 400 && status < 500 && status !== 401 && status !== 408 && status !== 429;
}

function mediaTypeOf({ headers }: Pick<HttpResponse, 'headers'>): string {
  const type = headers['content-type'] ?? '';
  const semicolon = type.indexOf(';');
  return (semicolon < 0 ? type : type.slice(0, semicolon)).trim().toLowerCase().slice(0, MAX_MEDIA_TYPE);
}

/** Codes and messages from a registry's error document, cut short; anything else says nothing. */
async function wordsOf(response: HttpResponse): Promise<string> {
  try {
    const body = await readBody(response, MAX_ERROR_BODY);
    const document = readAsGo<unknown>(JSON.parse((body ?? '').toString('utf8')), ERRORS_SHAPE);
    if (typeof document !== 'object' || document === null || !('errors' in document)) return '';
    const errors: unknown[] = Array.isArray(document.errors) ? document.errors : [];
    return errors.slice(0, 3).map(oneError).filter(Boolean).join('; ').slice(0, 300);
  } catch {
    return ''; // no words, then: the status says enough
  }
}

function oneError(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const code = 'code' in value && typeof value.code === 'string' ? value.code : '';
  const message = 'message' in value && typeof value.message === 'string' ? value.message : '';
  return [code, message].filter((part) => part !== '').join(': ');
}
