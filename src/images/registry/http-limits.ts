/**
 * What the exchange with one server may take. Sizes and times that a server chooses beyond these end the exchange, so that
 * neither memory nor a connection is kept by a server that does not mean to answer. The size of all headers together is
 * Node's limit (16 KiB), and their number too.
 */

/** From a request to the headers of its answer. A pull's own limit for progress is the same unless it is configured. */
export const ANSWER_TIMEOUT_MS = 5 * 60_000;
/** Between two pieces of a body, even where pulls have no limit for progress: proxies give up sooner. */
export const BODY_IDLE_MS = 10 * 60_000;
/** For the end of a body of which all has come that was wanted; some servers leave the connection open. */
export const BODY_END_MS = 1000;
/** Answers of status 1xx before the answer. Go's client takes five as well. */
export const MAX_INFORMATIONAL = 5;
export const MAX_REDIRECTS = 10;
/** Connections to one server at once. Layers of several images may come from it. */
export const MAX_CONNECTIONS = 32;
/** Servers to which one pull keeps connections open that are not in use; redirects may lead to another server each time. */
export const MAX_IDLE_SERVERS = 16;
/** A body that nobody wants is read to its end if it is at most so long and comes within so many milliseconds. */
export const DISCARDED_BYTES = 65_536;
export const DISCARD_MS = 1000;
