import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { leftBehind } from '../daemon/leftovers';
import { cacheDir } from '../daemon/places';
import { buildTools } from '../daemon/tools';
import { PAUSE, startNode, type TestNode } from './node';
import { removePods } from './pods';

/** What streams go over; crictl speaks both. */
export const TRANSPORTS = ['spdy', 'websocket'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Why there can be no crictl here; undefined: there can. It is built when it is first asked for. */
export function whyNoCrictl(): string | undefined {
  if (hasGo() || builtBefore() !== undefined) return undefined;
  return 'there is no Go to build crictl with, and none was built before';
}

/** `describe`, or `describe.skip` with the reason on the console. */
export function describeWithCrictl(name: string, tests: () => void): void {
  const why = whyNoCrictl();
  if (why !== undefined) console.log(`skipped: ${name}: ${why}`);
  (why === undefined ? describe : describe.skip)(name, tests);
}

/** Path of crictl. Builds it when that has not been done, which takes minutes. */
export function crictlPath(): string {
  if (hasGo()) return join(buildTools(['crictl']).crictl, 'crictl');
  const path = builtBefore();
  if (path === undefined) throw new Error(whyNoCrictl());
  return path;
}

function hasGo(): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'go')));
}

function builtBefore(): string | undefined {
  const folder = join(cacheDir(), 'bin');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('crictl-')) : [];
  return names.map((name) => join(folder, name, 'crictl')).find((path) => existsSync(path));
}

/** A program that has ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A program that runs; what it prints is collected. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  stdout(): Buffer;
  stderr(): string;
  readonly ended: Promise<Ended>;
}

/** crictl as the client of one server; what still runs when a test ends is killed by `killAll`. */
export class Crictl {
  private readonly running = new Set<ChildProcessWithoutNullStreams>();

  constructor(
    private readonly path: string,
    private readonly socket: string,
  ) {}

  /** Its command line with these arguments, for a shell or a program that starts it. */
  argv(...args: readonly string[]): string[] {
    const endpoint = `unix://${this.socket}`;
    return [this.path, '--runtime-endpoint', endpoint, '--image-endpoint', endpoint, '--timeout', '10s', ...args];
  }

  /** Starts crictl with these arguments. */
  start(...args: readonly string[]): Running {
    return this.startProgram(this.argv(...args));
  }

  /** Runs crictl to its end; `stdin` is all it gets to read. */
  run(args: readonly string[], stdin: Buffer | string = ''): Promise<Ended> {
    const running = this.start(...args);
    running.child.stdin.on('error', () => undefined); // it may end without reading
    running.child.stdin.end(stdin);
    return running.ended;
  }

  /** Starts any program that is to end with the test. */
  startProgram([program = '', ...args]: readonly string[]): Running {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, TERM: 'xterm' } });
    this.running.add(child);
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.running.delete(child);
        resolve({ code, stdout: Buffer.concat(stdout), stderr: withoutWarnings(Buffer.concat(stderr).toString()) });
      });
    });
    return {
      child,
      stdout: () => Buffer.concat(stdout),
      stderr: () => withoutWarnings(Buffer.concat(stderr).toString()),
      ended,
    };
  }

  /** Ends whatever still runs. */
  async killAll(): Promise<void> {
    for (const child of this.running) {
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
    }
  }
}

/** crictl warns of a configuration file that is not there. */
function withoutWarnings(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/level=warning msg="Config /.test(line))
    .join('\n');
}

/** A node, and crictl as its client. */
export interface CrictlNode {
  readonly node: TestNode;
  readonly crictl: Crictl;
}

/**
 * A node for all tests of a suite, with what `arrange` makes on it; crictl may have to be built first. Afterwards its pods are
 * removed, and nothing of them is left.
 */
export function useCrictl(arrange: (started: CrictlNode) => Promise<void>): void {
  let started: CrictlNode | undefined;
  beforeAll(async () => {
    const path = crictlPath();
    const node = await startNode({ settings: { sandbox_image: PAUSE } });
    started = { node, crictl: new Crictl(path, node.crisp.socket) };
    await arrange(started);
  }, 900_000);
  afterEach(() => started?.crictl.killAll());
  afterAll(async () => {
    if (!started) return;
    const { node } = started;
    await removePods(node);
    const left = await leftBehind(node);
    await node.stop();
    expect(left).toBe('0');
  }, 60_000);
}
