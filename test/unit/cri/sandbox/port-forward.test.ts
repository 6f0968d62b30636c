import { createServer, type Server, type Socket } from 'node:net';
import { PortForwardRequest } from '../../../../generated/cri/v1/api';
import { streamingRuntime } from '../../../../src/cri/container/streaming-runtime';
import { portForward } from '../../../../src/cri/sandbox/port-forward';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { Code } from '../../../../src/rpc/code';
import type { StreamingRequest } from '../../../../src/streaming/serve-upgrade';
import { runPod } from '../../../support/story-pods';
import { until } from '../../../support/streaming/until';
import { useRig } from '../../../support/use-rig';

const rig = useRig();
const HOST_NETWORK = { linux: { securityContext: { namespaceOptions: { network: 2 } } } };

function ask(request: { podSandboxId: string; port?: number[] }) {
  const asked: StreamingRequest[] = [];
  const urlFor = (one: StreamingRequest): string => {
    asked.push(one);
    return 'http://127.0.0.1:1/portforward/token';
  };
  const deps = { ...rig.now.deps, streaming: { urlFor } };
  return { asked, answer: portForward(deps, PortForwardRequest.fromPartial(request)) };
}

describe('PortForward', () => {
  it('answers a URL for the pod and its ports, and connects to nothing yet', async () => {
    const id = await runPod(rig.now);
    const { asked, answer } = ask({ podSandboxId: id.slice(0, 13), port: [80, 65_535] });
    expect(await answer).toEqual({ url: 'http://127.0.0.1:1/portforward/token' });
    expect(asked).toEqual([{ kind: 'portforward', request: { sandboxId: id, ports: [80, 65_535] } }]);
  });

  it.each([[[0]], [[-1]], [[65_536]], [[80, 0]], [Array(128).fill(80)]])(
    'refuses the ports %j with INVALID_ARGUMENT',
    async (port) => {
      const podSandboxId = await runPod(rig.now);
      await expect(ask({ podSandboxId, port }).answer).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    },
  );

  it('refuses a pod that is unknown, or not READY', async () => {
    await expect(ask({ podSandboxId: '' }).answer).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    await expect(ask({ podSandboxId: 'nobody' }).answer).rejects.toMatchObject({ code: Code.NOT_FOUND });
    const podSandboxId = await runPod(rig.now);
    await stopPodSandbox(rig.now.deps, { podSandboxId }, rig.now.call());
    await expect(ask({ podSandboxId }).answer).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  });
});

describe('Dialling a port of a pod', () => {
  const never = new AbortController().signal;
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  async function serve(host: string, text: string): Promise<number> {
    const server = createServer((socket) => socket.end(text));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return (server.address() as { port: number }).port;
  }

  async function read(socket: NodeJS.ReadableStream): Promise<string> {
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  }

  it('on the host network tries the IPv4 loopback, then the IPv6 one', async () => {
    const pod = await runPod(rig.now, HOST_NETWORK);
    const runtime = streamingRuntime(rig.now.deps);
    expect(await read(await runtime.dial(pod, await serve('127.0.0.1', 'IPv4'), never))).toBe('IPv4');
    expect(await read(await runtime.dial(pod, await serve('::1', 'IPv6'), never))).toBe('IPv6');
  });

  it('on which nobody listens is refused', async () => {
    const pod = await runPod(rig.now, HOST_NETWORK);
    const port = await serve('127.0.0.1', '');
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await expect(streamingRuntime(rig.now.deps).dial(pod, port, never)).rejects.toThrow(/ECONNREFUSED 127.0.0.1/);
  });

  it('is given up with its client, and leaves no socket', async () => {
    const pod = await runPod(rig.now, HOST_NETWORK);
    const gone = AbortSignal.abort(new Error('the client has given up'));
    const port = await serve('127.0.0.1', '');
    const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    const before = sockets();
    await expect(streamingRuntime(rig.now.deps).dial(pod, port, gone)).rejects.toThrow('the client has given up');
    await until('its socket is closed', () => sockets() <= before);
  });

  it('in a network of its own goes into its namespace, for as long as the client wants', async () => {
    const pod = await runPod(rig.now);
    const dials: unknown[][] = [];
    const socket = {} as Socket;
    const host = Object.assign(Object.create(rig.now.deps.host), {
      isNetns: async () => true,
      dialInNetns: async (...args: unknown[]) => {
        dials.push(args);
        return socket;
      },
    });
    expect(await streamingRuntime({ ...rig.now.deps, host }).dial(pod, 80, never)).toBe(socket);
    expect(dials).toEqual([[rig.now.deps.paths.netns(pod), 'localhost', 80, never]]);
  });

  it.each(['whose namespace is gone', 'that is stopped'])('of a pod %s is refused', async (what) => {
    const pod = await runPod(rig.now);
    if (what === 'that is stopped') await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    else rig.now.host.netns.clear();
    const dialling = streamingRuntime(rig.now.deps).dial(pod, 80, never);
    await expect(dialling).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  });

  it('of a pod that is unknown is refused', async () => {
    const dialling = streamingRuntime(rig.now.deps).dial('nobody', 80, never);
    await expect(dialling).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });
});
