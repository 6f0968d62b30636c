import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ContainerConfig, MountPropagation, NamespaceMode, PodSandboxConfig } from '../../generated/cri/v1/api';
import { BUSYBOX } from '../support/node/node';

/** Ends at once when it is told to, as a well-behaved workload does: a first process needs a handler for that. */
const WORKLOAD = 'trap "exit 0" TERM; sleep 1000000 & wait';

const NAMESPACES = { network: NamespaceMode.POD, pid: NamespaceMode.CONTAINER, ipc: NamespaceMode.POD };

/** What kubelet asks for of a plain pod: names as labels, DNS, a network of its own, a process namespace per container. */
export function podOf(dir: string): PodSandboxConfig {
  const name = `bench-${randomBytes(5).toString('hex')}`;
  const logDirectory = join(dir, 'logs', name);
  mkdirSync(join(logDirectory, 'work'), { recursive: true });
  return PodSandboxConfig.fromPartial({
    metadata: { name, namespace: 'default', uid: name },
    hostname: name,
    logDirectory,
    dnsConfig: {
      servers: ['10.96.0.10'],
      searches: ['default.svc.cluster.local', 'svc.cluster.local'],
      options: ['ndots:5'],
    },
    labels: podLabels(name),
    annotations: { 'kubernetes.io/config.seen': '2026-01-01T00:00:00Z', 'kubernetes.io/config.source': 'api' },
    linux: {
      securityContext: { namespaceOptions: NAMESPACES },
      resources: { cpuPeriod: 100_000n, cpuShares: 102n },
    },
  });
}

export interface ContainerOptions {
  /** Left out: it waits to be ended. */
  readonly command?: readonly string[];
  /** How often there was such a container in the pod before. */
  readonly attempt?: number;
  /** A directory of this machine that it sees as /data. */
  readonly data?: string;
}

/** What kubelet asks for of a container of such a pod. */
export function containerOf(pod: PodSandboxConfig, dir: string, options: ContainerOptions = {}): ContainerConfig {
  const { command = ['sh', '-c', WORKLOAD], attempt = 0, data } = options;
  const name = pod.metadata?.name ?? '';
  const own = join(dir, 'pods', name);
  mkdirSync(join(own, 'token'), { recursive: true });
  for (const file of ['etc-hosts', 'termination-log']) writeFileSync(join(own, file), '');
  const mount = (containerPath: string, hostPath: string, readonly: boolean) => ({
    ...{ containerPath, hostPath, readonly, propagation: MountPropagation.PROPAGATION_PRIVATE },
  });
  return ContainerConfig.fromPartial({
    metadata: { name: 'work', attempt },
    image: { image: BUSYBOX },
    command: [...command],
    envs: environment(),
    mounts: [
      mount('/var/run/secrets/kubernetes.io/serviceaccount', join(own, 'token'), true),
      mount('/etc/hosts', join(own, 'etc-hosts'), false),
      mount('/dev/termination-log', join(own, 'termination-log'), false),
      ...(data === undefined ? [] : [mount('/data', data, true)]),
    ],
    labels: { ...podLabels(name), 'io.kubernetes.container.name': 'work' },
    annotations: {
      'io.kubernetes.container.hash': '8a1b2c3d',
      'io.kubernetes.container.restartCount': String(attempt),
      'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
      'io.kubernetes.container.terminationMessagePolicy': 'File',
      'io.kubernetes.pod.terminationGracePeriod': '30',
    },
    logPath: `work/${attempt}.log`,
    linux: {
      resources: { cpuPeriod: 100_000n, cpuShares: 102n, oomScoreAdj: 1000n },
      securityContext: {
        namespaceOptions: NAMESPACES,
        runAsUser: { value: 0n },
        maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
        readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      },
    },
  });
}

function podLabels(name: string): Record<string, string> {
  return {
    app: 'bench',
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': 'default',
    'io.kubernetes.pod.uid': name,
  };
}

/** Variables of the API server's service, which every container of a cluster has. */
function environment(): { key: string; value: Buffer }[] {
  const port = 'tcp://10.96.0.1:443';
  const values = {
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    KUBERNETES_SERVICE_PORT: '443',
    KUBERNETES_SERVICE_PORT_HTTPS: '443',
    KUBERNETES_PORT: port,
    KUBERNETES_PORT_443_TCP: port,
    KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
    KUBERNETES_PORT_443_TCP_PORT: '443',
    KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.1',
  };
  return Object.entries(values).map(([key, value]) => ({ key, value: Buffer.from(value) }));
}
