import type { RuntimeServiceDefinition } from '../../generated/cri/v1/api';
import { notImplemented, type ServiceImpl } from '../rpc/service';
import { attach } from './container/attach';
import { containerStatus } from './container/container-status';
import { createContainer } from './container/create-container';
import { exec } from './container/exec';
import { execSync } from './container/exec-sync';
import { listContainers } from './container/list-containers';
import { removeContainer } from './container/remove-container';
import { reopenContainerLog } from './container/reopen-container-log';
import { startContainer } from './container/start-container';
import { stopContainer } from './container/stop-container';
import { streamContainers } from './container/stream-containers';
import { updateContainerResources } from './container/update-container-resources';
import type { CriDeps } from './deps';
import { getContainerEvents } from './runtime/get-container-events';
import { runtimeConfig } from './runtime/runtime-config';
import { status } from './runtime/status';
import { updateRuntimeConfig } from './runtime/update-runtime-config';
import { version } from './runtime/version';
import { listPodSandbox } from './sandbox/list-pod-sandbox';
import { podSandboxStatus } from './sandbox/pod-sandbox-status';
import { portForward } from './sandbox/port-forward';
import { removePodSandbox } from './sandbox/remove-pod-sandbox';
import { runPodSandbox } from './sandbox/run-pod-sandbox';
import { stopPodSandbox } from './sandbox/stop-pod-sandbox';
import { streamPodSandboxes } from './sandbox/stream-pod-sandboxes';
import { updatePodSandboxResources } from './sandbox/update-pod-sandbox-resources';
import { containerStats } from './stats/container-stats';
import { listContainerStats } from './stats/list-container-stats';
import { listMetricDescriptors } from './stats/list-metric-descriptors';
import { listPodSandboxMetrics } from './stats/list-pod-sandbox-metrics';
import { listPodSandboxStats } from './stats/list-pod-sandbox-stats';
import { podSandboxStats } from './stats/pod-sandbox-stats';
import { StatsAnswers } from './stats/stats-answers';
import { streamContainerStats } from './stats/stream-container-stats';
import { streamPodSandboxMetrics } from './stats/stream-pod-sandbox-metrics';
import { streamPodSandboxStats } from './stats/stream-pod-sandbox-stats';

/** Every RPC of CRI's RuntimeService: one row each, or the compiler asks for it. */
export const runtimeService = (
  deps: CriDeps,
  answers = new StatsAnswers(),
): ServiceImpl<typeof RuntimeServiceDefinition> => ({
  version: () => version(deps),
  runPodSandbox: (req, call) => runPodSandbox(deps, req, call),
  stopPodSandbox: (req, call) => stopPodSandbox(deps, req, call),
  removePodSandbox: (req, call) => removePodSandbox(deps, req, call),
  podSandboxStatus: (req, call) => podSandboxStatus(deps, req, call),
  listPodSandbox: (req) => listPodSandbox(deps, req),
  streamPodSandboxes: (req) => streamPodSandboxes(deps, req),
  createContainer: (req, call) => createContainer(deps, req, call),
  startContainer: (req, call) => startContainer(deps, req, call),
  stopContainer: (req, call) => stopContainer(deps, req, call),
  removeContainer: (req, call) => removeContainer(deps, req, call),
  listContainers: (req) => listContainers(deps, req),
  streamContainers: (req) => streamContainers(deps, req),
  containerStatus: (req, call) => containerStatus(deps, req, call),
  updateContainerResources: (req, call) => updateContainerResources(deps, req, call),
  reopenContainerLog: (req) => reopenContainerLog(deps, req),
  execSync: (req, call) => execSync(deps, req, call),
  exec: (req) => exec(deps, req),
  attach: (req) => attach(deps, req),
  portForward: (req) => portForward(deps, req),
  containerStats: async (req, call) => answers.ofContainers(present((await containerStats(deps, req, call)).stats)),
  listContainerStats: async (req, call) => answers.ofContainers((await listContainerStats(deps, req, call)).stats),
  streamContainerStats: (req, call) => streamContainerStats(deps, req, call, answers),
  podSandboxStats: async (req, call) => answers.ofPods(present((await podSandboxStats(deps, req, call)).stats)),
  listPodSandboxStats: async (req, call) => answers.ofPods((await listPodSandboxStats(deps, req, call)).stats),
  streamPodSandboxStats: (req, call) => streamPodSandboxStats(deps, req, call, answers),
  updateRuntimeConfig: (req) => updateRuntimeConfig(deps, req),
  status: (req, call) => status(deps, req, call),
  checkpointContainer: notImplemented,
  checkpointPod: notImplemented,
  restorePod: notImplemented,
  getContainerEvents: (req, call) => getContainerEvents(deps, req, call),
  listMetricDescriptors: () => listMetricDescriptors(),
  listPodSandboxMetrics: (req, call) => listPodSandboxMetrics(deps, req, call),
  streamPodSandboxMetrics: (req, call) => streamPodSandboxMetrics(deps, req, call),
  runtimeConfig: () => runtimeConfig(deps),
  updatePodSandboxResources: (req, call) => updatePodSandboxResources(deps, req, call),
});

const present = <T>(stats: T | undefined): T[] => (stats === undefined ? [] : [stats]);
