import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ContainerStats,
  ContainerStatsResponse,
  CreateContainerResponse,
  ExecSyncResponse,
  ImageStatusResponse,
  ListPodSandboxResponse,
  type PodSandboxConfig,
  PodSandboxStatusResponse,
  PullImageResponse,
  RemoveContainerResponse,
  RemovePodSandboxResponse,
  RunPodSandboxResponse,
  RuntimeConfigResponse,
  StartContainerResponse,
  StatusResponse,
  StopContainerResponse,
  StopPodSandboxResponse,
  VersionResponse,
} from '../../../generated/cri/v1/api';
import type { CriCalls } from '../../../src/client/cri-client';

type Method = keyof CriCalls['runtime'] | keyof CriCalls['images'];

/** A CRI server of one pod, in memory; any call can be made to fail, before or after it took effect. */
export class FakeCri {
  readonly calls: string[] = [];
  readonly sandboxes = new Map<string, PodSandboxConfig>();
  readonly images = new Set<string>();
  readonly failures = new Map<Method, Error>();
  /** Methods that do their work and then fail, as when the answer is lost. */
  readonly lost = new Set<Method>();
  registry = new Set<string>();
  networkReady = true;
  ip = '10.88.0.2';
  execExitCode = 0;
  cgroupDriver = 1;
  private logFile = '';
  private logLine = '';

  private async answer<T>(method: Method, work: () => T): Promise<T> {
    this.calls.push(method);
    const failure = this.failures.get(method);
    if (failure && !this.lost.has(method)) throw failure;
    const result = work();
    if (failure) throw failure;
    return result;
  }

  readonly cri: CriCalls = {
    runtime: {
      version: () =>
        this.answer('version', () =>
          VersionResponse.fromPartial({ runtimeName: 'containerd', runtimeVersion: '1.2', runtimeApiVersion: 'v1' }),
        ),
      status: () =>
        this.answer('status', () => {
          const network = { type: 'NetworkReady', status: this.networkReady, message: 'no CNI configuration' };
          return StatusResponse.fromPartial({
            status: { conditions: [{ type: 'RuntimeReady', status: true }, network] },
          });
        }),
      runtimeConfig: () =>
        this.answer('runtimeConfig', () =>
          RuntimeConfigResponse.fromPartial({ linux: { cgroupDriver: this.cgroupDriver } }),
        ),
      runPodSandbox: ({ config }) =>
        this.answer('runPodSandbox', () => {
          if (config) this.sandboxes.set('sb1', config);
          return RunPodSandboxResponse.fromPartial({ podSandboxId: 'sb1' });
        }),
      podSandboxStatus: () =>
        this.answer('podSandboxStatus', () =>
          PodSandboxStatusResponse.fromPartial({ status: { id: 'sb1', network: { ip: this.ip } } }),
        ),
      listPodSandbox: ({ filter }) =>
        this.answer('listPodSandbox', () => {
          const wanted = Object.entries(filter?.labelSelector ?? {});
          const found = [...this.sandboxes].filter(([, { labels }]) => wanted.every(([k, v]) => labels[k] === v));
          return ListPodSandboxResponse.fromPartial({ items: found.map(([id]) => ({ id })) });
        }),
      stopPodSandbox: () => this.answer('stopPodSandbox', () => StopPodSandboxResponse.fromPartial({})),
      removePodSandbox: ({ podSandboxId }) =>
        this.answer('removePodSandbox', () => {
          this.sandboxes.delete(podSandboxId);
          return RemovePodSandboxResponse.fromPartial({});
        }),
      createContainer: ({ config, sandboxConfig }) =>
        this.answer('createContainer', () => {
          this.logFile = join(sandboxConfig?.logDirectory ?? '', config?.logPath ?? '');
          this.logLine = config?.envs[0]?.value.toString() ?? '';
          return CreateContainerResponse.fromPartial({ containerId: 'c1' });
        }),
      startContainer: () =>
        this.answer('startContainer', () => {
          appendFileSync(this.logFile, `2024-01-02T03:04:05.000000001Z stdout F ${this.logLine}\n`);
          return StartContainerResponse.fromPartial({});
        }),
      stopContainer: () => this.answer('stopContainer', () => StopContainerResponse.fromPartial({})),
      removeContainer: () => this.answer('removeContainer', () => RemoveContainerResponse.fromPartial({})),
      execSync: () =>
        this.answer('execSync', () =>
          ExecSyncResponse.fromPartial({
            exitCode: this.execExitCode,
            stdout: Buffer.from(`host says ${this.logLine}\n`),
            stderr: Buffer.from('sh: no\n'),
          }),
        ),
      containerStats: () =>
        this.answer('containerStats', () => {
          const stats = ContainerStats.fromPartial({
            memory: { workingSetBytes: { value: 409_600n } },
            cpu: { usageCoreNanoSeconds: { value: 12_345_678n } },
          });
          return ContainerStatsResponse.fromPartial({ stats });
        }),
    },
    images: {
      imageStatus: ({ image }) =>
        this.answer('imageStatus', () => {
          const found = this.images.has(image?.image ?? '') ? { id: 'sha256:0123456789abcdef' } : undefined;
          return ImageStatusResponse.fromPartial({ image: found });
        }),
      pullImage: ({ image }) =>
        this.answer('pullImage', () => {
          const name = image?.image ?? '';
          if (!this.registry.has(name)) throw new Error('RegistryUnavailable: no route to host');
          this.images.add(name);
          return PullImageResponse.fromPartial({ imageRef: 'sha256:0123456789abcdef' });
        }),
    },
  };
}
