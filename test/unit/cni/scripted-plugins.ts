import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogFields, type Logger, silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { PodNetworks, type PodNetworksOptions } from '../../../src/cni/pod-networks';
import type { PodNetworkConfig } from '../../../src/model/network';

/** One call that a plugin got. */
export interface SeenCall {
  plugin: string;
  command: string;
  id: string;
  netns: string;
  ifName: string;
  args: string;
  path: string;
  conf: Record<string, unknown>;
}

/**
 * Writes what it was called with, then answers what a file beside it says: `<name>.<COMMAND>` is printed, and when there
 * is `<name>.<COMMAND>.sh` it is run instead.
 */
const SCRIPT = `#!/bin/sh
conf=$(cat)
name=\${0##*/}
home=\${0%/bin/*}
if [ "$CNI_COMMAND" != VERSION ]; then
  printf '{"plugin":"%s","command":"%s","id":"%s","netns":"%s","ifName":"%s","args":"%s","path":"%s","conf":%s}\\n' \\
    "$name" "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$CNI_ARGS" "$CNI_PATH" "$conf" >> "$home/calls"
fi
answer="$home/answers/$name.$CNI_COMMAND"
if [ -e "$answer.sh" ]; then . "$answer.sh"
elif [ -e "$answer" ]; then cat "$answer"
fi
`;

const VERSIONS = {
  cniVersion: '1.1.0',
  supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
};

/** An answer of ADD with one address on eth0. */
export const ETH0 = {
  cniVersion: '1.0.0',
  interfaces: [
    { name: 'br0', mac: '02:00:00:00:00:01' },
    { name: 'eth0', mac: '02:00:00:00:00:02', sandbox: '/run/netns/a' },
  ],
  ips: [{ interface: 1, address: '10.1.0.2/24', gateway: '10.1.0.1' }],
  routes: [{ dst: '0.0.0.0/0' }],
  dns: {},
};

/** CNI plugins that do as they are told, in a directory of their own with a place for configuration and cache. */
export class ScriptedPlugins {
  readonly home = mkdtempSync(join(tmpdir(), 'crisp-cni-'));
  readonly binDir = join(this.home, 'bin');
  readonly confDir = join(this.home, 'net.d');
  readonly cacheDir = join(this.home, 'cache');

  constructor() {
    for (const dir of [this.binDir, this.confDir, join(this.home, 'answers')]) mkdirSync(dir);
  }

  /** Makes a plugin; of each command that is not named it succeeds and prints nothing. */
  plugin(name: string, answers: Record<string, unknown> = {}): void {
    writeFileSync(join(this.binDir, name), SCRIPT);
    chmodSync(join(this.binDir, name), 0o755);
    this.answer(name, 'VERSION', VERSIONS);
    for (const [command, answer] of Object.entries(answers)) this.answer(name, command, answer);
  }

  /** From now on the plugin prints this. */
  answer(name: string, command: string, answer: unknown): void {
    const file = join(this.home, 'answers', `${name}.${command}`);
    rmSync(`${file}.sh`, { force: true });
    writeFileSync(file, typeof answer === 'string' ? answer : JSON.stringify(answer));
  }

  /** From now on the plugin runs these lines of shell. */
  script(name: string, command: string, lines: string): void {
    writeFileSync(join(this.home, 'answers', `${name}.${command}.sh`), lines);
  }

  /** From now on the plugin fails with this error of the specification. */
  fail(name: string, command: string, code: number, msg: string): void {
    this.script(name, command, `echo '${JSON.stringify({ cniVersion: '1.0.0', code, msg })}'; exit 1`);
  }

  conf(file: string, content: unknown): void {
    writeFileSync(join(this.confDir, file), typeof content === 'string' ? content : JSON.stringify(content));
  }

  /** The calls so far, without VERSION. */
  calls(): SeenCall[] {
    try {
      const lines = readFileSync(join(this.home, 'calls'), 'utf8').trim().split('\n');
      return lines.filter(Boolean).map((line) => JSON.parse(line) as SeenCall);
    } catch {
      return [];
    }
  }

  /** The calls so far as `COMMAND plugin`. */
  order(): string[] {
    return this.calls().map(({ command, plugin }) => `${command} ${plugin}`);
  }

  forgetCalls(): void {
    rmSync(join(this.home, 'calls'), { force: true });
  }

  networks(options: Partial<PodNetworksOptions> = {}): PodNetworks {
    return new PodNetworks({
      confDir: this.confDir,
      binDirs: [this.binDir],
      maxConfNum: 1,
      cacheDir: this.cacheDir,
      ipPref: 'ipv4',
      setupSerially: false,
      useInternalLoopback: true,
      timeoutMs: 10_000,
      log: silentLogger,
      metrics: noMetrics,
      bringLoopbackUp: async () => undefined,
      ...options,
    });
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Where crisp pins the network namespace of a pod; here there is none. */
export function ownNetns(sandboxId: string): string {
  const digits = sandboxId.slice(0, 32);
  return `/run/netns/cni-${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
}

/** A pod with nothing special. */
export function pod(change: Partial<PodNetworkConfig> = {}): PodNetworkConfig {
  return {
    sandboxId: 'a'.repeat(64),
    name: 'web',
    namespace: 'shop',
    uid: '1-2-3',
    netnsPath: '/run/netns/a',
    annotations: {},
    portMappings: [],
    cgroupPath: '',
    ...change,
  };
}

/** A logger that keeps its messages. */
export function keepingLogger(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string, fields?: LogFields): void => {
    lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const logger = { ...silentLogger, debugEnabled: true, debug: keep, info: keep, warn: keep, error: keep, lines };
  return { ...logger, child: () => logger };
}

/** A signal that never fires. */
export const never = new AbortController().signal;
