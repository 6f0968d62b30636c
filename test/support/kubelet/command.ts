import type { Readable, Writable } from 'node:stream';

import type { Channels } from './channels';
import { fullName, type KubeletNode } from './kubelet-node';
import { type Outcome, outcomeOf } from './outcome';

export type CommandProtocol = 'v4.channel.k8s.io' | 'v5.channel.k8s.io';

export interface CommandTarget {
  /** Name of the manifest. */
  readonly pod: string;
  readonly container: string;
  /** What to run; none: attach to what runs. */
  readonly command?: readonly string[];
}

export interface CommandOptions {
  /** v5 unless told otherwise: the one that can end stdin. */
  readonly protocol?: CommandProtocol;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  /** stdout goes there and is not kept. */
  readonly stdout?: Writable;
}

const [STDIN, STDOUT, SIZE] = [0, 1, 4] as const;

/** A command that runs in a container, or a container that is attached to, over kubelet's API. */
export class Command {
  private constructor(private readonly channels: Channels) {}

  /** Rejects with kubelet's HTTP status when it refuses. */
  static async start(node: KubeletNode, target: CommandTarget, options: CommandOptions = {}): Promise<Command> {
    const { command, container, pod } = target;
    const query = new URLSearchParams({ output: '1', ...(options.tty ? { tty: '1' } : { error: '1' }) });
    if (options.stdin) query.set('input', '1');
    for (const word of command ?? []) query.append('command', word);
    const path = `/${command ? 'exec' : 'attach'}/default/${fullName(node, pod)}/${container}?${query}`;
    const channels = await node.api.channels(path, [options.protocol ?? 'v5.channel.k8s.io']);
    if (options.stdout) channels.pipe(STDOUT, options.stdout);
    return new Command(channels);
  }

  get stdout(): string {
    return this.channels.bytes(STDOUT).toString();
  }

  write(chunk: Buffer | string): Promise<void> {
    return this.channels.send(STDIN, chunk);
  }

  /** Sends all of a stream, as fast as the other side takes it, and ends stdin. */
  async writeAll(source: Readable): Promise<void> {
    for await (const chunk of source) await this.write(chunk as Buffer);
    await this.endInput();
  }

  endInput(): Promise<void> {
    return this.channels.end(STDIN);
  }

  resize(columns: number, rows: number): Promise<void> {
    return this.channels.send(SIZE, JSON.stringify({ Width: columns, Height: rows }));
  }

  leave(): void {
    this.channels.leave();
  }

  outcome(): Promise<Outcome> {
    return outcomeOf(this.channels);
  }
}

/** Runs a command to its end. */
export async function runCommand(
  node: KubeletNode,
  target: CommandTarget,
  options: CommandOptions = {},
): Promise<Outcome> {
  return (await Command.start(node, target, options)).outcome();
}
