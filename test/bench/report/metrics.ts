import type { Part } from '../options';

/** What a metric's value must come to: beside the plugin's, or by itself. */
export interface Goal {
  readonly kind: 'ratio' | 'value';
  /** `most`: the value may be that at most. */
  readonly bound: 'most' | 'least';
  readonly value: number;
}

/** How pods are held: by a pause task in a shim of their own, without one, or four and more of them in a shim. */
export type Mode = 'usual' | 'bare' | 'shared';

/** A row of the report. */
export interface Metric {
  readonly id: string;
  readonly part: Part;
  readonly label: string;
  readonly unit: 'ms' | 'CPU ms' | 'CPU ‰' | 'MiB' | 'MB/s' | 's' | 'calls';
  readonly goal?: Goal;
  /** The goals of pods that are held in other ways, where they are other ones. */
  readonly goals?: Readonly<Partial<Record<Mode, Goal>>>;
}

const atMost = (value: number): Goal => ({ kind: 'ratio', bound: 'most', value });
const atLeast = (value: number): Goal => ({ kind: 'ratio', bound: 'least', value });
const within = (value: number): Goal => ({ kind: 'value', bound: 'most', value });

/** How so many clients are served, each with a connection of its own. */
const underLoad = (clients: number): Metric[] => [
  {
    id: `load.${clients}.failed`,
    part: 'load',
    label: `${clients} clients: calls that failed`,
    unit: 'calls',
    goal: within(0),
  },
  {
    id: `load.${clients}.connect`,
    part: 'load',
    label: `${clients} clients: the longest of connecting at once`,
    unit: 'ms',
    goal: within(1000),
  },
  {
    id: `load.${clients}.newcomer`,
    part: 'load',
    label: `${clients} clients: the longest of a new one with its Version`,
    unit: 'ms',
    goal: within(1000),
  },
  { id: `load.${clients}.listPods`, part: 'load', label: `${clients} clients: ListPodSandbox`, unit: 'ms' },
  { id: `load.${clients}.listContainers`, part: 'load', label: `${clients} clients: ListContainers`, unit: 'ms' },
  { id: `load.${clients}.exec`, part: 'load', label: `${clients} clients: ExecSync`, unit: 'ms' },
];

/** Everything that is measured, in the order of the report. */
export const METRICS: readonly Metric[] = [
  {
    id: 'pods.run',
    part: 'pods',
    label: 'RunPodSandbox',
    unit: 'ms',
    goal: atMost(0.75),
    goals: { bare: atMost(0.55) },
  },
  { id: 'pods.create', part: 'pods', label: 'CreateContainer', unit: 'ms' },
  { id: 'pods.start', part: 'pods', label: 'StartContainer', unit: 'ms' },
  {
    id: 'pods.podStart',
    part: 'pods',
    label: 'pod start (the three above)',
    unit: 'ms',
    goal: atMost(0.85),
    goals: { bare: atMost(0.75) },
  },
  { id: 'pods.startCpu', part: 'pods', label: 'processor time of a pod start', unit: 'CPU ms', goal: atMost(1) },
  { id: 'pods.stopContainer', part: 'pods', label: 'StopContainer', unit: 'ms' },
  { id: 'pods.stopSandbox', part: 'pods', label: 'StopPodSandbox', unit: 'ms' },
  {
    id: 'pods.podStop',
    part: 'pods',
    label: 'pod stop (the two above)',
    unit: 'ms',
    goal: atMost(0.75),
    goals: { bare: atMost(0.6) },
  },
  { id: 'pods.remove', part: 'pods', label: 'RemoveContainer and RemovePodSandbox', unit: 'ms' },
  { id: 'pods.lifeCpu', part: 'pods', label: 'processor time of a pod’s whole life', unit: 'CPU ms' },
  { id: 'exec.latency', part: 'exec', label: 'ExecSync', unit: 'ms', goal: atMost(1) },
  { id: 'exec.cpu', part: 'exec', label: 'processor time of an ExecSync', unit: 'CPU ms' },
  { id: 'density.batch', part: 'density', label: 'a batch of pods, ten in flight', unit: 'ms', goal: atMost(0.8) },
  { id: 'density.podStart', part: 'density', label: 'start of a pod of the batch', unit: 'ms' },
  {
    id: 'density.startCpu',
    part: 'density',
    label: 'processor time of a pod start in the batch',
    unit: 'CPU ms',
    goal: atMost(1),
  },
  { id: 'density.listPods', part: 'density', label: 'ListPodSandbox with the batch', unit: 'ms', goal: within(2) },
  {
    id: 'density.listContainers',
    part: 'density',
    label: 'ListContainers with the batch',
    unit: 'ms',
    goal: within(2),
  },
  { id: 'density.rest', part: 'density', label: 'processor at rest with the batch', unit: 'CPU ‰', goal: atMost(0.33) },
  { id: 'memory.containerd', part: 'density', label: 'memory: containerd', unit: 'MiB' },
  { id: 'memory.crisp', part: 'density', label: 'memory: crisp', unit: 'MiB' },
  { id: 'memory.crisp-stdio', part: 'density', label: 'memory: crisp-stdio', unit: 'MiB' },
  { id: 'memory.shims', part: 'density', label: 'memory: shims', unit: 'MiB' },
  { id: 'memory.pauses', part: 'density', label: 'memory: pauses', unit: 'MiB' },
  { id: 'memory.other', part: 'density', label: 'memory: anything else', unit: 'MiB' },
  {
    id: 'memory.total',
    part: 'density',
    label: 'memory in all',
    unit: 'MiB',
    goal: atMost(1.15),
    goals: { shared: atMost(0.6) },
  },
  { id: 'density.servingEmpty', part: 'density', label: 'start to serving, no pods', unit: 'ms', goal: within(300) },
  { id: 'density.serving', part: 'density', label: 'start to serving with the batch', unit: 'ms', goal: within(300) },
  { id: 'density.serving.asked', part: 'density', label: 'of it: the daemon is asked for all it knows', unit: 'ms' },
  { id: 'density.serving.pods', part: 'density', label: 'of it: pods are found again', unit: 'ms' },
  { id: 'density.serving.containers', part: 'density', label: 'of it: containers are found again', unit: 'ms' },
  { id: 'density.teardown', part: 'density', label: 'teardown of the batch, ten in flight', unit: 'ms' },
  { id: 'logs.rate', part: 'logs', label: 'output into a log', unit: 'MB/s', goal: atLeast(1) },
  { id: 'logs.cpu', part: 'logs', label: 'processor time of that output', unit: 'CPU ms', goal: atMost(1.3) },
  { id: 'pull.latency', part: 'pull', label: 'pull of an image of six layers', unit: 'ms', goal: atMost(0.9) },
  { id: 'pull.cpu', part: 'pull', label: 'processor time of that pull', unit: 'CPU ms' },
  { id: 'pull.cpuOfCrisp', part: 'pull', label: 'of it: crisp', unit: 'CPU ms' },
  { id: 'pull.cpuOfCarrying', part: 'pull', label: 'a Node program that only carries its bytes', unit: 'CPU ms' },
  { id: 'exited.listContainers', part: 'exited', label: 'ListContainers with containers that have ended', unit: 'ms' },
  { id: 'exited.listPods', part: 'exited', label: 'ListPodSandbox with their pods', unit: 'ms' },
  { id: 'exited.teardown', part: 'exited', label: 'teardown of their ten pods, all at once', unit: 'ms' },
  { id: 'exited.create', part: 'exited', label: 'such a container, from create to its end, ten in flight', unit: 'ms' },
  { id: 'streams.exec.spdy', part: 'streams', label: '`crictl exec cat` over SPDY', unit: 'MB/s', goal: atLeast(0.7) },
  {
    id: 'streams.exec.websocket',
    part: 'streams',
    label: '`crictl exec cat` over WebSocket',
    unit: 'MB/s',
  },
  {
    id: 'streams.portForward.spdy',
    part: 'streams',
    label: 'port-forward over SPDY',
    unit: 'MB/s',
    goal: atLeast(0.7),
  },
  {
    id: 'streams.portForward.websocket',
    part: 'streams',
    label: 'port-forward over WebSocket',
    unit: 'MB/s',
  },
  ...underLoad(200),
  ...underLoad(500),
];
