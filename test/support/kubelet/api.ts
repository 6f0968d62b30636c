import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { WebSocket } from 'ws';

import { Channels } from './channels';
import type { Kubelet } from './kubelet';
import type { PodView } from './pod-view';
import type { Summary } from './summary';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Talks to a kubelet's own API, and believes nobody else's certificate. */
export class KubeletApi {
  constructor(private readonly kubelet: Pick<Kubelet, 'nodeName' | 'port' | 'certificate'>) {}

  /** Rejects only when there is no answer. */
  async call(method: 'GET' | 'POST', path: string): Promise<Answer> {
    const response = await this.open(method, path);
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return { status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() };
  }

  /** The body of an answer 200; rejects on another. */
  async text(path: string): Promise<string> {
    const { status, body } = await this.call('GET', path);
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
    return body;
  }

  /** Every pod that has a manifest, with its status, also those that have ended. */
  async pods(): Promise<readonly PodView[]> {
    const { items } = JSON.parse(await this.text('/pods')) as { items: PodView[] | null };
    return items ?? [];
  }

  /** Names of the pods that the runtime runs, also of those whose manifest is gone. */
  async runningPods(): Promise<readonly string[]> {
    const { items } = JSON.parse(await this.text('/runningpods/')) as { items: PodView[] | null };
    return (items ?? []).map(({ metadata }) => metadata.name);
  }

  async summary(): Promise<Summary> {
    return JSON.parse(await this.text('/stats/summary')) as Summary;
  }

  /** An answer whose body is still coming. */
  open(method: 'GET' | 'POST', path: string): Promise<IncomingMessage> {
    const { port, nodeName, certificate } = this.kubelet;
    return new Promise((resolve, reject) => {
      const options = { method, path, port, host: '127.0.0.1', servername: nodeName, ca: certificate };
      request(options, resolve).once('error', reject).end();
    });
  }

  /** A WebSocket that is open, with the first of the protocols that kubelet speaks. Rejects with the status otherwise. */
  channels(path: string, protocols: readonly string[]): Promise<Channels> {
    const { port, nodeName, certificate } = this.kubelet;
    const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, [...protocols], {
      agent: new Agent({ servername: nodeName, ca: certificate }),
      perMessageDeflate: false,
    });
    return Channels.open(socket);
  }
}
