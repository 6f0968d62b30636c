import { Protocol } from '../../../generated/cri/v1/api';
import type { Seeded } from '../../support/seeded';
import { COMMANDS, HOST_PORTS, type World } from './world';

type Message = Record<string, unknown>;

/** A request that is likely to succeed; undefined for an RPC of which any message is as good. */
export function likelyRequest(method: string, world: World, random: Seeded): Message | undefined {
  const make = LIKELY[method];
  return make?.(world, random);
}

const LIKELY: Readonly<Record<string, (world: World, random: Seeded) => Message>> = {
  RunPodSandbox: (world, random) => ({ config: podConfig(world, random), runtimeHandler: '' }),
  CreateContainer: (world, random) => ({
    podSandboxId: world.pod(),
    config: containerConfig(world, random),
    sandboxConfig: podConfig(world, random),
  }),
  StartContainer: (world) => ({ containerId: world.container() }),
  StopContainer: (world, random) => ({ containerId: world.container(), timeout: BigInt(random.between(-1, 2)) }),
  RemoveContainer: (world) => ({ containerId: world.container() }),
  StopPodSandbox: (world) => ({ podSandboxId: world.pod() }),
  RemovePodSandbox: (world) => ({ podSandboxId: world.pod() }),
  PodSandboxStatus: (world, random) => ({ podSandboxId: world.pod(), verbose: random.next() < 0.5 }),
  ContainerStatus: (world, random) => ({ containerId: world.container(), verbose: random.next() < 0.5 }),
  ReopenContainerLog: (world) => ({ containerId: world.container() }),
  ExecSync: (world, random) => ({ containerId: world.container(), cmd: command(random), timeout: 2n }),
  Exec: (world, random) => ({ containerId: world.container(), cmd: command(random), stdout: true, stdin: true }),
  Attach: (world) => ({ containerId: world.container(), stdout: true }),
  PortForward: (world) => ({ podSandboxId: world.pod(), port: [80] }),
  ContainerStats: (world) => ({ containerId: world.container() }),
  PodSandboxStats: (world) => ({ podSandboxId: world.pod() }),
  UpdateContainerResources: (world) => ({ containerId: world.container(), linux: resources() }),
  UpdatePodSandboxResources: (world) => ({ podSandboxId: world.pod(), overhead: resources(), resources: resources() }),
  ImageStatus: (world, random) => ({ image: image(world, random), verbose: random.next() < 0.5 }),
  PullImage: (world, random) => ({ image: image(world, random), auth: { username: 'a', password: 'b' } }),
  RemoveImage: (world, random) => ({ image: image(world, random) }),
};

function podConfig(world: World, random: Seeded): Message {
  const name = `pod-${random.between(0, 40)}`;
  return {
    metadata: { name, namespace: 'default', uid: name, attempt: random.between(0, 2) },
    ...{ hostname: name, logDirectory: world.path(), labels: { app: name }, annotations: { a: 'b' } },
    dnsConfig: { servers: ['10.0.0.10'], searches: ['a.example'], options: ['ndots:5'] },
    portMappings: [
      { protocol: Protocol.TCP, containerPort: 80, hostPort: random.between(HOST_PORTS.least, HOST_PORTS.most) },
    ],
    linux: {
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
      securityContext: {
        ...{ privileged: false, readonlyRootfs: true, runAsUser: { value: 0n }, supplementalGroups: [5n] },
        namespaceOptions: { network: random.pick([0, 0, 0, 2]), pid: 1, ipc: 0, targetId: '' },
        seccomp: { profileType: 0, localhostRef: '' },
      },
      overhead: resources(),
    },
  };
}

function containerConfig(world: World, random: Seeded): Message {
  return {
    metadata: { name: `c-${random.between(0, 20)}`, attempt: 0 },
    ...{ image: image(world, random), command: command(random), args: [], workingDir: '/', logPath: 'a.log' },
    ...{
      envs: [{ key: 'A', value: Buffer.from('b') }],
      labels: { a: 'b' },
      annotations: { c: 'd' },
      tty: false,
      stdin: false,
    },
    mounts: [{ containerPath: '/a', hostPath: world.path(), readonly: true, propagation: 0 }],
    devices: [{ containerPath: '/dev/a', hostPath: '/dev/null', permissions: 'r' }],
    linux: {
      resources: resources(),
      securityContext: {
        ...{ capabilities: { addCapabilities: ['NET_RAW'], dropCapabilities: ['ALL'] }, privileged: false },
        ...{ noNewPrivs: true, runAsUser: { value: 0n }, maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'] },
        namespaceOptions: { network: 0, pid: 1, ipc: 0, targetId: '' },
        seccomp: { profileType: 0, localhostRef: '' },
      },
    },
  };
}

function resources(): Message {
  return { cpuPeriod: 100_000n, cpuQuota: 50_000n, cpuShares: 2n, memoryLimitInBytes: 64n << 20n, oomScoreAdj: 100n };
}

function image(world: World, random: Seeded): Message {
  return { image: random.pick(world.images), annotations: {} };
}

function command(random: Seeded): string[] {
  return [...random.pick(COMMANDS)];
}
