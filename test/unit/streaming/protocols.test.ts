import {
  choose,
  SPDY_PROCESS_PROTOCOLS,
  WEBSOCKET_PORT_FORWARD_PROTOCOLS,
  WEBSOCKET_PROCESS_PROTOCOLS,
} from '../../../src/streaming/protocols';

describe('The protocol that is chosen', () => {
  it.each([
    ['v5.channel.k8s.io,v4.channel.k8s.io,v3.channel.k8s.io,v2.channel.k8s.io,channel.k8s.io', 'v4.channel.k8s.io'],
    ['channel.k8s.io, v2.channel.k8s.io', 'v2.channel.k8s.io'],
    [' v3.channel.k8s.io ', 'v3.channel.k8s.io'],
    ['V4.CHANNEL.K8S.IO', undefined],
    ['v5.channel.k8s.io', undefined],
    ['', undefined],
  ])('over SPDY, of %p, is %p', (offered, name) => {
    expect(choose(SPDY_PROCESS_PROTOCOLS, offered)?.name).toBe(name);
  });

  it.each([
    ['v4.channel.k8s.io,v5.channel.k8s.io', 'v5.channel.k8s.io'],
    ['base64.channel.k8s.io,v4.base64.channel.k8s.io', 'v4.base64.channel.k8s.io'],
    ['', ''],
    ['graphql-ws', undefined],
  ])('over WebSocket, of %p, is %p', (offered, name) => {
    expect(choose(WEBSOCKET_PROCESS_PROTOCOLS, offered)?.name).toBe(name);
  });

  it.each([
    ['SPDY/3.1+portforward.k8s.io', 'tunnel'],
    ['v4.channel.k8s.io', 'binary'],
    ['v4.base64.channel.k8s.io', 'base64'],
    ['portforward.k8s.io', 'binary'],
    ['', 'binary'],
  ])('for a forward over WebSocket, of %p, has the form %p', (offered, form) => {
    expect(choose(WEBSOCKET_PORT_FORWARD_PROTOCOLS, offered)?.form).toBe(form);
  });
});
