import { type Agent, type IncomingMessage, type OutgoingHttpHeaders, request as plainRequest } from 'node:http';
import { onAbort } from '../../base/wait/on-abort';
import { fromOutside } from '../../base/wait/outside';
import { ANSWER_TIMEOUT_MS, MAX_INFORMATIONAL } from './http-limits';

/** A request as it goes out over one of the agent's connections. */
export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly agent: Agent;
}

/**
 * Sends a request and answers when the headers of its answer are there. Rejects when the connection ends without one, when it
 * turns into something else (101), when nothing but informational answers come, at the limit, and with the signal's reason.
 * The signal ends the body as well.
 */
export async function exchange(
  outgoing: Outgoing,
  { body, signal, limitMs = ANSWER_TIMEOUT_MS }: { body?: string; signal: AbortSignal; limitMs?: number },
): Promise<IncomingMessage> {
  const what = 'the answer';
  const late = (answer: IncomingMessage): void => void answer.on('error', () => undefined).destroy();
  const response = await fromOutside<IncomingMessage>(
    { what, limitMs, signal },
    ({ answer, fail }) => {
      const request = plainRequest(outgoing);
      let informational = 0;
      request.on('information', () => {
        if (++informational > MAX_INFORMATIONAL)
          fail(new Error(`more than ${MAX_INFORMATIONAL} answers of status 1xx`));
      });
      request.once('response', (response) => {
        if ((response.statusCode ?? 0) >= 200) answer(response);
        else fail(new Error(`it answered ${response.statusCode}, and nothing else`)); // 101 without an upgrade
      });
      request.once('upgrade', (_answer, socket) => {
        socket.destroy();
        fail(new Error('it answered 101 and speaks something else from there on'));
      });
      request.once('close', () => fail(new Error('the connection was closed without an answer')));
      request.on('error', fail);
      request.end(body);
      return () => void request.destroy();
    },
    late,
  );
  const stopListening = onAbort(signal, () => void response.destroy(asError(signal.reason)));
  response.once('close', stopListening);
  return response;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the request was given up', { cause: reason });
}
