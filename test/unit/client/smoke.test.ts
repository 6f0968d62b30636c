import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { smoke } from '../../../src/client/smoke';
import { RpcCallError } from '../../../src/rpc/client/rpc-call-error';
import { Code } from '../../../src/rpc/code';
import { FakeCri } from './fake-cri';

const rpcError = (code: Code): Error => new RpcCallError(code, 'no', 'RuntimeConfig');

const IMAGE = 'docker.io/library/busybox:1.37.0';
const GOOD_RUN = [
  'version',
  'cgroup driver',
  'status',
  'image',
  'run sandbox',
  'pod network',
  'create container',
  'start container',
  'log line',
  'exec-sync',
  'stats',
  'stop container',
  'remove container',
  'stop sandbox',
  'remove sandbox',
];

const logDirectories = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('crisp-smoke-'));

async function run(fake: FakeCri, signal?: AbortSignal): Promise<{ code: number; lines: string[] }> {
  const before = logDirectories();
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const code = await smoke(fake.cri, { image: IMAGE, runtimeHandler: '', print, signal });
  expect(logDirectories()).toEqual(before);
  return { code, lines };
}

const ready = (): FakeCri => {
  const fake = new FakeCri();
  fake.images.add(IMAGE);
  return fake;
};

describe('smoke', () => {
  it('prints each step with its time and ends with ok', async () => {
    const fake = ready();
    const { code, lines } = await run(fake);
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe('smoke: ok');
    const steps = lines.slice(0, -1).map((line) => /^(.{22}) {1,6}\d+ ms(?: {2}(.+))?$/.exec(line));
    expect(steps.map((step) => step?.[1]?.trimEnd())).toEqual(GOOD_RUN);
    const details = new Map(steps.map((step) => [step?.[1]?.trimEnd(), step?.[2]]));
    expect(details.get('version')).toBe('containerd 1.2, CRI v1');
    expect(details.get('image')).toBe('present 0123456789abc');
    expect(details.get('pod network')).toBe('10.88.0.2');
    expect(details.get('log line')).toMatch(/^2024-01-02T03:04:05\.000000001Z hello from smoke-/);
    expect(details.get('stats')).toBe('400 KiB working set, 12345 µs of CPU');
    expect(fake.sandboxes.size).toBe(0);
  });

  it('pulls the image when it is not there', async () => {
    const fake = new FakeCri();
    fake.registry.add(IMAGE);
    const { code, lines } = await run(fake);
    expect(code).toBe(0);
    expect(lines.find((line) => line.startsWith('image'))).toContain('pulled');
  });

  it('says what to do when the image is not there and cannot be pulled', async () => {
    const { code, lines } = await run(new FakeCri());
    expect(code).toBe(1);
    expect(lines.slice(-2)[0]).toMatch(/^image .*FAILED$/);
    expect(lines.at(-1)).toBe(
      `smoke: failed at "image": the image ${IMAGE} is not there and cannot be pulled ` +
        '(RegistryUnavailable: no route to host); without a registry, import it: ctr -n k8s.io images import FILE',
    );
  });

  it('goes on when the image appeared while it could not be pulled', async () => {
    const fake = new FakeCri();
    const { pullImage } = fake.cri.images;
    const importing = async (...args: Parameters<typeof pullImage>): ReturnType<typeof pullImage> => {
      fake.images.add(IMAGE);
      return pullImage(...args);
    };
    const cri = { ...fake.cri, images: { ...fake.cri.images, pullImage: importing } };
    expect(await smoke(cri, { image: IMAGE, runtimeHandler: '', print: () => undefined })).toBe(0);
  });

  it('asks for a slice where the runtime drives cgroups through systemd', async () => {
    const fake = ready();
    fake.cgroupDriver = 0;
    const parents: unknown[] = [];
    const { runPodSandbox } = fake.cri.runtime;
    const watching: typeof runPodSandbox = (request, options) => {
      parents.push(request.config?.linux?.cgroupParent);
      return runPodSandbox(request, options);
    };
    const cri = { ...fake.cri, runtime: { ...fake.cri.runtime, runPodSandbox: watching } };
    expect(await smoke(cri, { image: IMAGE, runtimeHandler: '', print: () => undefined })).toBe(0);
    expect(parents).toEqual(['system.slice']);
  });

  it('does without RuntimeConfig where the runtime has no such call, but not where it fails', async () => {
    const old = ready();
    old.failures.set('runtimeConfig', rpcError(Code.UNIMPLEMENTED));
    expect((await run(old)).code).toBe(0);
    const broken = ready();
    broken.failures.set('runtimeConfig', rpcError(Code.UNAVAILABLE));
    expect((await run(broken)).lines.at(-1)).toMatch(/^smoke: failed at "cgroup driver": /);
  });

  it('takes nothing down when it made nothing', async () => {
    const fake = ready();
    fake.failures.set('version', new Error('nobody there'));
    expect((await run(fake)).lines.at(-1)).toBe('smoke: failed at "version": nobody there');
    expect(fake.calls).toEqual(['version']);
  });

  it.each([
    ['runPodSandbox', 'run sandbox'],
    ['podSandboxStatus', 'pod network'],
    ['createContainer', 'create container'],
    ['startContainer', 'start container'],
    ['execSync', 'exec-sync'],
    ['containerStats', 'stats'],
    ['stopContainer', 'stop container'],
    ['removeContainer', 'remove container'],
  ] as const)('names the step and takes the pod down when %s fails', async (method, step) => {
    const fake = ready();
    fake.failures.set(method, new Error('no room'));
    const { code, lines } = await run(fake);
    expect(code).toBe(1);
    expect(lines).toContain(`smoke: failed at "${step}": no room`);
    expect(fake.sandboxes.size).toBe(0);
  });

  it('finds the sandbox to take down when the answer that named it was lost', async () => {
    const fake = ready();
    fake.failures.set('runPodSandbox', new Error('deadline exceeded'));
    fake.lost.add('runPodSandbox');
    const { code, lines } = await run(fake);
    expect(code).toBe(1);
    expect(lines.slice(-2)).toEqual([
      'smoke: took down the sandbox sb1',
      'smoke: failed at "run sandbox": deadline exceeded',
    ]);
    expect(fake.sandboxes.size).toBe(0);
  });

  it('says both when the teardown fails too', async () => {
    const fake = ready();
    fake.failures.set('removePodSandbox', new Error('busy'));
    const { code, lines } = await run(fake);
    expect(code).toBe(1);
    expect(lines.slice(-2)).toEqual([
      'smoke: the teardown failed too: busy',
      'smoke: failed at "remove sandbox": busy',
    ]);
  });

  it('refuses a server whose network is not ready, before it makes anything', async () => {
    const fake = ready();
    fake.networkReady = false;
    const { lines } = await run(fake);
    expect(lines.at(-1)).toBe('smoke: failed at "status": NetworkReady is not true: no CNI configuration');
    expect(fake.calls).not.toContain('runPodSandbox');
  });

  it('refuses a pod without an address and a command that fails', async () => {
    const noIp = ready();
    noIp.ip = '';
    expect((await run(noIp)).lines).toContain('smoke: failed at "pod network": the sandbox has no IP address');
    const badExec = ready();
    badExec.execExitCode = 127;
    expect((await run(badExec)).lines).toContain('smoke: failed at "exec-sync": exit code 127: sh: no');
  });

  it('stops at the next step when it is interrupted, and takes the pod down', async () => {
    const fake = ready();
    const interrupt = new AbortController();
    const { startContainer } = fake.cri.runtime;
    const cri = {
      ...fake.cri,
      runtime: {
        ...fake.cri.runtime,
        startContainer: (...args: Parameters<typeof startContainer>) => {
          interrupt.abort(new Error('interrupted by SIGINT'));
          return startContainer(...args);
        },
      },
    };
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    expect(await smoke(cri, { image: IMAGE, runtimeHandler: '', print, signal: interrupt.signal })).toBe(1);
    expect(lines).toContain('smoke: failed at "log line": interrupted by SIGINT');
    expect(fake.sandboxes.size).toBe(0);
  });
});
