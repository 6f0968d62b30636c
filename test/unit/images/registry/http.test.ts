import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrustStore } from '../../../../src/images/registry/certificates';
import { HttpClient } from '../../../../src/images/registry/http';
import { discard, readBody } from '../../../../src/images/registry/http-body';
import type { ProxyEnvironment } from '../../../../src/images/registry/proxy';
import { SYSTEM_TRUST, type Trust } from '../../../../src/images/registry/registry-host';
import { FakeRegistry } from '../../../support/fake-registry';
import { TEST_CA, TEST_CLIENT, TEST_SERVER } from '../../../support/test-certificates';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function server(...how: Parameters<typeof FakeRegistry.start>): Promise<FakeRegistry> {
  const made = await FakeRegistry.start(...how);
  closing.push(() => made.stop());
  made.interceptors.push((_seen, response) => {
    response.end('hello');
    return true;
  });
  return made;
}

function client(env: ProxyEnvironment = {}): HttpClient {
  const made = new HttpClient(new TrustStore(env), env);
  closing.push(() => made.close());
  return made;
}

async function get(
  url: string,
  more: { trust?: Trust; env?: ProxyEnvironment; from?: HttpClient } = {},
): Promise<string> {
  const response = await (more.from ?? client(more.env)).request({
    method: 'GET',
    url: new URL(url),
    headers: {},
    private: {},
    trust: more.trust ?? SYSTEM_TRUST,
    signal: new AbortController().signal,
  });
  return `${(await readBody(response, 1000))?.toString()}`;
}

const trusting = (more: Partial<Trust>): Trust => ({ ...SYSTEM_TRUST, ...more });

/** A proxy that tunnels, and forwards nothing; `names` leads host names to where they are. */
async function tunnelProxy(
  answer = 200,
): Promise<{ url: string; asked: string[]; authorizations: unknown[]; server: Server }> {
  const asked: string[] = [];
  const authorizations: unknown[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    authorizations.push(request.headers['proxy-authorization']);
    response.end(`forwarded ${request.headers.host}`);
  });
  proxy.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  proxy.on('connect', (request, socket: Socket) => {
    asked.push(request.url ?? '');
    authorizations.push(request.headers['proxy-authorization']);
    if (answer !== 200) return socket.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
    const onward = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    return onward.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => proxy.close(resolve));
  });
  return { url: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked, authorizations, server: proxy };
}

describe('HttpClient over TLS', () => {
  it('believes a configured authority', async () => {
    const { url } = await server(TEST_SERVER);
    expect(await get(url, { trust: trusting({ ca: [TEST_CA] }) })).toBe('hello');
  });

  it('believes nobody else', async () => {
    const { url, requests } = await server(TEST_SERVER);
    await expect(get(url)).rejects.toMatchObject({
      kind: 'registry',
      message: expect.stringMatching(/^GET https:.*(unable to verify|self.signed)/),
    });
    expect(requests).toEqual([]);
  });

  it('believes anybody when told to', async () => {
    const { url } = await server(TEST_SERVER);
    expect(await get(url, { trust: trusting({ skipVerify: true }) })).toBe('hello');
  });

  it('checks the name in the certificate', async () => {
    const { url } = await server(TEST_SERVER);
    const listening = await tunnelProxy();
    const env = { HTTPS_PROXY: `http://${listening.url}` };
    const named = url.replace('127.0.0.1', 'registry.test');
    const wrong = url.replace('127.0.0.1', 'wrong.test');
    expect(await get(named, { trust: trusting({ ca: [TEST_CA] }), env })).toBe('hello');
    await expect(get(wrong, { trust: trusting({ ca: [TEST_CA] }), env })).rejects.toThrow(
      "does not match certificate's altnames",
    );
  });

  it('shows its own certificate where one is configured', async () => {
    const { url, requests } = await server({
      ...TEST_SERVER,
      ca: TEST_CA,
      requestCert: true,
      rejectUnauthorized: true,
    });
    await expect(get(url, { trust: trusting({ ca: [TEST_CA] }) })).rejects.toMatchObject({ kind: 'registry' });
    expect(requests).toEqual([]);
    expect(await get(url, { trust: trusting({ ca: [TEST_CA], client: [TEST_CLIENT] }) })).toBe('hello');
  });

  it('does not show it where a redirect leads', async () => {
    const elsewhere = await server({ ...TEST_SERVER, ca: TEST_CA, requestCert: true, rejectUnauthorized: true });
    const first = await server(TEST_SERVER);
    first.interceptors.unshift((_seen, response) => {
      response.writeHead(307, { Location: elsewhere.url }).end();
      return true;
    });
    const trust = trusting({ ca: [TEST_CA], client: [TEST_CLIENT] });
    await expect(get(first.url, { trust })).rejects.toMatchObject({ kind: 'registry' });
    expect(elsewhere.requests).toEqual([]);
  });

  it('does not follow a redirect to plain http unless asked to', async () => {
    const plain = await server();
    const secure = await server(TEST_SERVER);
    secure.interceptors.unshift((_seen, response) => {
      response.writeHead(302, { Location: `${plain.url}/x?secret=1` }).end();
      return true;
    });
    const trust = trusting({ ca: [TEST_CA] });
    await expect(get(secure.url, { trust })).rejects.toThrow('redirects from https to plain http');
    const { signal } = new AbortController();
    const request = { method: 'GET', url: new URL(secure.url), headers: {}, private: {}, trust, signal } as const;
    const response = await client().request({ ...request, plainRedirects: true });
    expect([response.status, response.foreign]).toEqual([200, true]);
    discard(response.body);
  });

  it('says so when the server does not speak TLS', async () => {
    const { url } = await server();
    await expect(get(url.replace('http:', 'https:'))).rejects.toMatchObject({ kind: 'registry', code: 'TLS_REFUSED' });
  });

  it('refuses a certificate that is none', async () => {
    const { url } = await server(TEST_SERVER);
    const trust = trusting({ client: [{ cert: 'nonsense', key: 'nonsense' }] });
    await expect(get(url, { trust })).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringMatching(/^a configured certificate or key cannot be used/),
    });
  });
});

describe('TrustStore', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'crisp-ca-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it.each(['SSL_CERT_FILE', 'SSL_CERT_DIR'])('believes the certificates that %s names', async (name) => {
    const file = join(dir, 'company.pem');
    writeFileSync(file, TEST_CA);
    const { url } = await server(TEST_SERVER);
    expect(await get(url, { env: { [name]: name === 'SSL_CERT_FILE' ? file : dir } })).toBe('hello');
  });

  it('sees a certificate that is added later', async () => {
    const env = { SSL_CERT_DIR: dir };
    const store = new TrustStore(env);
    const { url } = await server(TEST_SERVER);
    const first = new HttpClient(store, env);
    await expect(get(url, { from: first })).rejects.toMatchObject({ kind: 'registry' });
    first.close();
    writeFileSync(join(dir, 'company.crt'), TEST_CA);
    const second = new HttpClient(store, env);
    expect(await get(url, { from: second })).toBe('hello');
    second.close();
  });

  it('makes a context once for equal trust', async () => {
    const store = new TrustStore({ SSL_CERT_DIR: dir });
    const context = await store.contextFor(SYSTEM_TRUST);
    expect(await store.contextFor({ ...SYSTEM_TRUST })).toBe(context);
    expect(await store.contextFor(trusting({ skipVerify: true }))).not.toBe(context);
  });
});

describe('HttpClient through a proxy', () => {
  it('tunnels https, so that the proxy sees the host only', async () => {
    const proxy = await tunnelProxy();
    const { url, requests } = await server(TEST_SERVER);
    const target = url.replace('127.0.0.1', 'registry.test');
    const env = { HTTPS_PROXY: `http://me:s3cret@${proxy.url}` };
    expect(await get(`${target}/v2/?a=b`, { trust: trusting({ ca: [TEST_CA] }), env })).toBe('hello');
    expect(proxy.asked).toEqual([new URL(target).host]);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from('me:s3cret').toString('base64')}`]);
    expect(requests[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  it('asks it for http with the whole address', async () => {
    const proxy = await tunnelProxy();
    expect(await get('http://registry.test/v2/x', { env: { HTTP_PROXY: `http://${proxy.url}` } })).toBe(
      'forwarded registry.test',
    );
    expect(proxy.asked).toEqual(['http://registry.test/v2/x']);
  });

  it.each([403, 407, 502])('tells that it answered %s, and not its password', async (status) => {
    const proxy = await tunnelProxy(status);
    const env = { HTTPS_PROXY: `http://me:s3cret@${proxy.url}` };
    const failure = get('https://registry.test/v2/', { env });
    await expect(failure).rejects.toMatchObject({
      kind: 'registry',
      message: expect.stringContaining(`the proxy ${proxy.url} answered ${status} to CONNECT registry.test:443`),
    });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining('s3cret') });
  });

  it('tells that it is not there', async () => {
    const env = { HTTPS_PROXY: 'http://127.0.0.1:1' };
    await expect(get('https://registry.test/v2/', { env })).rejects.toMatchObject({
      kind: 'registry',
      code: 'ECONNREFUSED',
    });
  });

  it('goes past it where NO_PROXY says so', async () => {
    const env = { HTTP_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.0/8' };
    const { url } = await server();
    expect(await get(url, { env })).toBe('hello');
  });
});

describe('HttpClient', () => {
  it('keeps a connection for the next request', async () => {
    const { url, requests } = await server();
    const from = client();
    await get(url, { from });
    await get(url, { from });
    expect(new Set(requests.map(({ request }) => request.socket.remotePort)).size).toBe(1);
  });

  it('stops when its signal fires, with the reason of that', async () => {
    const { url, interceptors } = await server();
    const controller = new AbortController();
    const gone = new Error('gone');
    interceptors.unshift(() => {
      controller.abort(gone);
      return true; // and no answer
    });
    const request = {
      method: 'GET',
      headers: {},
      private: {},
      trust: SYSTEM_TRUST,
      signal: controller.signal,
    } as const;
    await expect(client().request({ ...request, url: new URL(url) })).rejects.toBe(gone);
  });

  it('gives up connecting when the time for that is over', async () => {
    const sockets: Socket[] = [];
    const silent = createNetServer((socket) => sockets.push(socket)); // says nothing to a TLS hello
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    await expect(get(`https://127.0.0.1:${port}`, { trust: trusting({ dialTimeoutMs: 30 }) })).rejects.toMatchObject({
      kind: 'registry',
      message: expect.stringContaining(`connecting to 127.0.0.1:${port} took longer than 30 ms`),
    });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });
});
