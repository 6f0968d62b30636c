import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors';
import { parseForeignJson } from '../base/json/foreign-json';
import { readAsGo } from '../base/json/go-fields';
import { stringifyJson } from '../base/json/json';
import type { Logger } from '../base/logger';
import type { Metrics } from '../base/metrics';
import { sleep } from '../base/wait/backoff';
import { unlessAborted } from '../base/wait/deadline';
import { RunError, type RunResult, run } from '../host/process/run';
import { CniError } from './cni-error';
import { PLUGIN_ANSWER } from './document-shapes';
import { asString, asStrings, type JsonObject, parseObject } from './json-value';

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC' | 'VERSION';

/** The attachment a call is about; STATUS, GC and VERSION are about none. */
export interface Attachment {
  readonly containerId: string;
  /** Path of the network namespace; empty for a DEL after it has gone. */
  readonly netnsPath: string;
  readonly ifName: string;
  readonly cniArgs: readonly (readonly [string, string])[];
}

/** One call of one plugin. */
export interface PluginCall {
  readonly command: CniCommand;
  /** Name of the binary: `type` of the plugin's configuration. */
  readonly type: string;
  /** Given on standard input. */
  readonly conf: JsonObject;
  readonly attachment?: Attachment;
}

export interface PluginExecOptions {
  readonly binDirs: readonly string[];
  /** Time limit of one call; its process group is then killed. */
  readonly timeoutMs: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** A binary that is being replaced cannot be started for a moment (ETXTBSY): wait this long, this many times. */
const BUSY_WAIT_MS = 100;
const BUSY_RETRIES = 20;
const MAX_LOGGED_BYTES = 4096;
/** Characters of what a plugin says went wrong. */
const MAX_REASON = 1024;
/** A plugin that was killed ends within this, unless the kernel holds it up; what comes next must not work beside it. */
const GONE_MS = 2000;
/** Root, who runs them, may execute what anybody may. */
const EXECUTABLE = 0o111;

interface Binary {
  readonly path: string;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly size: number;
}

/** Runs CNI plugins. What their binaries support is asked once per binary, and again when it was replaced. */
export class PluginExec {
  private readonly versionsOf = new Map<string, Promise<readonly string[] | undefined>>();

  constructor(private readonly options: PluginExecOptions) {}

  /**
   * Runs a plugin and answers the JSON object it printed, undefined when it printed nothing. Rejects with a CniError that
   * names the plugin and carries its code, or with the signal's reason.
   */
  async call(call: PluginCall, signal?: AbortSignal): Promise<JsonObject | undefined> {
    const { path } = await this.found(call.type, signal);
    const { metrics, log } = this.options;
    const started = performance.now();
    const labels = { plugin: call.type, command: call.command };
    try {
      const result = await this.runPatiently(path, call, signal);
      const said = { ...labels, text: result.stderr.trim().slice(-MAX_LOGGED_BYTES) };
      if (said.text && result.code === 0) log.debug('a CNI plugin wrote', said);
      else if (said.text) log.warn('a CNI plugin failed and wrote', said);
      return readAnswer(call, result);
    } catch (error) {
      signal?.throwIfAborted();
      metrics.count('crisp_cni_plugin_errors_total', labels);
      if (error instanceof CniError) throw error;
      throw new CniError(`CNI ${call.command} of plugin ${call.type}`, { cause: error });
    } finally {
      const ms = performance.now() - started;
      metrics.time('crisp_cni_plugin_seconds', ms / 1000, labels);
      if (log.debugEnabled) log.debug('called a CNI plugin', { ...labels, ms: Math.round(ms * 1000) / 1000 });
    }
  }

  /** The versions of the specification that a plugin says it supports; undefined when it gives no sensible answer. */
  async versions(type: string, signal?: AbortSignal): Promise<readonly string[] | undefined> {
    const { path, ino, mtimeMs, size } = await this.found(type, signal);
    const key = `${path}:${ino}:${mtimeMs}:${size}`;
    const known = this.versionsOf.get(key);
    const asked = known ?? this.askVersions(type);
    if (!known) {
      this.forgetOlder(path);
      this.versionsOf.set(key, asked);
      asked.catch(() => this.versionsOf.delete(key));
    }
    return signal ? unlessAborted(asked, signal) : asked;
  }

  /** Others may wait for the same answer: a caller who leaves does not end it, the time limit does. */
  private async askVersions(type: string): Promise<readonly string[] | undefined> {
    try {
      const answer = await this.call({ command: 'VERSION', type, conf: { cniVersion: '1.1.0' } });
      const versions = asStrings(answer?.supportedVersions);
      return versions.length > 0 ? versions : undefined;
    } catch (error) {
      // A plugin older than VERSION says that it does not know the command.
      if (error instanceof CniError && error.code !== undefined) return undefined;
      throw error;
    }
  }

  private forgetOlder(path: string): void {
    for (const key of this.versionsOf.keys()) if (key.startsWith(`${path}:`)) this.versionsOf.delete(key);
  }

  /** As `find`, for a caller who may leave: a plugin directory on a dead mount does not answer. */
  private async found(type: string, signal?: AbortSignal): Promise<Binary> {
    return signal ? unlessAborted(this.find(type), signal) : this.find(type);
  }

  /** The first executable of that name in the plugin directories. */
  private async find(type: string): Promise<Binary> {
    const { binDirs } = this.options;
    if (type === '' || type.includes('/')) throw new CniError(`"${type}" is not the name of a CNI plugin`);
    for (const dir of binDirs) {
      const path = join(dir, type);
      const found = await stat(path).catch(() => undefined);
      if (!found?.isFile() || (found.mode & EXECUTABLE) === 0) continue;
      const { ino, mtimeMs, size } = found;
      return { path, ino, mtimeMs, size };
    }
    throw new CniError(`CNI plugin ${type} is in none of ${binDirs.join(', ')}`);
  }

  private async runPatiently(path: string, call: PluginCall, signal?: AbortSignal): Promise<RunResult> {
    for (let retries = 0; ; retries++) {
      try {
        const input = stringifyJson(call.conf);
        const { timeoutMs } = this.options;
        const untilGoneMs = call.attachment ? GONE_MS : 0;
        return await run([path], { input, signal, timeoutMs, untilGoneMs, env: this.environment(call) });
      } catch (error) {
        if (!(error instanceof RunError) || errnoOf(error.cause) !== 'ETXTBSY' || retries >= BUSY_RETRIES) throw error;
        await sleep(BUSY_WAIT_MS, signal);
      }
    }
  }

  /** All that a plugin sees of our environment is PATH, which `run` adds. */
  private environment({ command, attachment }: PluginCall): Record<string, string> {
    const path = this.options.binDirs.join(':');
    if (!attachment) return { CNI_COMMAND: command, CNI_PATH: path };
    return {
      CNI_COMMAND: command,
      CNI_PATH: path,
      CNI_CONTAINERID: attachment.containerId,
      CNI_NETNS: attachment.netnsPath,
      CNI_IFNAME: attachment.ifName,
      CNI_ARGS: attachment.cniArgs.map(([key, value]) => `${key}=${value}`).join(';'),
    };
  }
}

function readAnswer({ command, type }: PluginCall, { code, stdout, stderr }: RunResult): JsonObject | undefined {
  const answer = readAsGo(parseObject(stdout, parseForeignJson), PLUGIN_ANSWER);
  if (code === 0) {
    if (answer || stdout.trim() === '') return answer;
    throw new CniError(`CNI ${command} of plugin ${type}: what it printed is not a JSON object`);
  }
  const told = [asString(answer?.msg), asString(answer?.details)].filter(Boolean).join(': ');
  const why = told || stderr.trim().split('\n').at(-1) || stdout.trim().slice(0, 256) || `exit code ${code}`;
  const pluginCode = typeof answer?.code === 'number' ? answer.code : undefined;
  throw new CniError(`CNI ${command} of plugin ${type}: ${why.slice(0, MAX_REASON)}`, { code: pluginCode });
}
