import type { NetworkStatus } from '../../src/cni/pod-networks';
import type { PodNetworkConfig, PodNetworkResult } from '../../src/model/network';
import type { PodNetworks } from '../../src/tasks/deps';

/** The networks of pods as a record: who is attached, and how. */
export class FakeNetworks implements PodNetworks {
  readonly attached = new Map<string, PodNetworkConfig>();
  /** What every `del` was asked, in order. */
  readonly deletions: PodNetworkConfig[] = [];
  answer: NetworkStatus = { ready: true, reason: '', message: '' };
  result: PodNetworkResult = { ip: '10.88.0.7', additionalIps: ['fd00::7'], cniResult: { Interfaces: {} } };
  /** Templates that were written, with their pod CIDRs. */
  readonly templates: { template: string; podCidrs: readonly string[] }[] = [];
  /** Ids that the last `gc` was told. */
  valid: string[] = [];

  async start(): Promise<void> {}

  stop(): void {}

  async status(): Promise<NetworkStatus> {
    return this.answer;
  }

  async add(pod: PodNetworkConfig): Promise<PodNetworkResult> {
    this.attached.set(pod.sandboxId, pod);
    return this.result;
  }

  async del(pod: PodNetworkConfig): Promise<void> {
    this.deletions.push(pod);
    this.attached.delete(pod.sandboxId);
  }

  async check(): Promise<void> {}

  async gc(validSandboxIds: () => Iterable<string>): Promise<void> {
    this.valid = [...validSandboxIds()];
  }

  lastLoadStatus(): string {
    return 'OK';
  }

  configJson(): unknown {
    return { Networks: [] };
  }

  async writeFromTemplate(template: string, podCidrs: readonly string[]): Promise<void> {
    this.templates.push({ template, podCidrs });
  }
}
