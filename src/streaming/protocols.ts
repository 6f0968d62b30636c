/** How a client and we talk about a process; the names are those of Kubernetes. */
export interface ProcessProtocol {
  readonly name: string;
  /** The client can send sizes of its terminal. */
  readonly resize: boolean;
  /** The status is a `metav1.Status` in JSON; otherwise text, and only when something failed. */
  readonly jsonStatus: boolean;
}

/** For SPDY, best first. The first version had its streams in an order of its own; for us that makes no difference. */
export const SPDY_PROCESS_PROTOCOLS: readonly ProcessProtocol[] = [
  { name: 'v4.channel.k8s.io', resize: true, jsonStatus: true },
  { name: 'v3.channel.k8s.io', resize: true, jsonStatus: false },
  { name: 'v2.channel.k8s.io', resize: false, jsonStatus: false },
  { name: 'channel.k8s.io', resize: false, jsonStatus: false },
];

export interface WebSocketProcessProtocol extends ProcessProtocol {
  readonly base64: boolean;
  /** The client can end one channel (its stdin) and keep the connection. */
  readonly halfClose: boolean;
}

/** For WebSockets, best first. A client that names none speaks the last but one, as the empty name says. */
export const WEBSOCKET_PROCESS_PROTOCOLS: readonly WebSocketProcessProtocol[] = [
  { name: 'v5.channel.k8s.io', resize: true, jsonStatus: true, base64: false, halfClose: true },
  { name: 'v4.channel.k8s.io', resize: true, jsonStatus: true, base64: false, halfClose: false },
  { name: 'v4.base64.channel.k8s.io', resize: true, jsonStatus: true, base64: true, halfClose: false },
  { name: 'channel.k8s.io', resize: true, jsonStatus: false, base64: false, halfClose: false },
  { name: 'base64.channel.k8s.io', resize: true, jsonStatus: false, base64: true, halfClose: false },
  { name: '', resize: true, jsonStatus: false, base64: false, halfClose: false },
];

export const SPDY_PORT_FORWARD_PROTOCOLS = [{ name: 'portforward.k8s.io' }] as const;

export interface WebSocketPortForwardProtocol {
  readonly name: string;
  readonly form: 'tunnel' | 'binary' | 'base64';
}

/** The tunnel is a SPDY connection in binary messages; the others have two channels for each port. */
export const WEBSOCKET_PORT_FORWARD_PROTOCOLS: readonly WebSocketPortForwardProtocol[] = [
  { name: 'SPDY/3.1+portforward.k8s.io', form: 'tunnel' },
  { name: 'v4.channel.k8s.io', form: 'binary' },
  { name: 'v4.base64.channel.k8s.io', form: 'base64' },
  { name: 'portforward.k8s.io', form: 'binary' },
  { name: '', form: 'binary' },
];

/** The best protocol that the client offers in a header (names with commas between them); undefined: there is none. */
export function choose<P extends { readonly name: string }>(ours: readonly P[], offered: string): P | undefined {
  const names = offered.split(',').map((name) => name.trim());
  return ours.find(({ name }) => names.includes(name));
}
