import { allEnded } from '../base/work/all-ended';
import { runtimeConfig } from './capability-args';
import { CniError } from './cni-error';
import { atLeast } from './cni-version';
import { asString, type JsonObject } from './json-value';
import type { NetworkConfig, PluginConfig } from './network-config';
import type { Attachment, PluginExec } from './plugin-exec';
import { parseResult, resultJson } from './result';

/** What one call over all plugins of a network is about. */
export interface NetworkCall {
  readonly attachment: Attachment;
  readonly capabilityArgs: JsonObject;
}

/** Calls the plugins of networks in the order, and with the input, that the specification lays down. */
export class NetworkCalls {
  constructor(private readonly plugins: PluginExec) {}

  /**
   * Attaches a pod: each plugin sees what the one before it answered. The last answer, in the list's version. Once the first
   * plugin has been called, `kill` alone ends it, not `signal`.
   */
  async add(
    network: NetworkConfig,
    call: NetworkCall,
    signal?: AbortSignal,
    kill: AbortSignal | undefined = signal,
  ): Promise<JsonObject> {
    await allEnded(network.plugins.map((plugin) => this.requireVersion(network, plugin, signal)));
    signal?.throwIfAborted();
    let prevResult: JsonObject | undefined;
    for (const plugin of network.plugins) {
      const conf = pluginInput(network, plugin, { ...call, prevResult });
      const answer = await this.plugins.call(
        { command: 'ADD', type: plugin.type, conf, attachment: call.attachment },
        kill,
      );
      if (!answer) throw new CniError(`CNI ADD of plugin ${plugin.type}: it printed no result`);
      prevResult = inVersion(answer, network.cniVersion);
    }
    return prevResult ?? {};
  }

  /** Takes an attachment down, last plugin first. From 0.4.0 on each plugin is told what ADD had answered. */
  async del(network: NetworkConfig, call: NetworkCall & { result?: JsonObject }, signal?: AbortSignal): Promise<void> {
    const prevResult = atLeast(network.cniVersion, '0.4.0') ? call.result : undefined;
    for (const plugin of [...network.plugins].reverse()) {
      const conf = pluginInput(network, plugin, { ...call, prevResult });
      try {
        await this.plugins.call({ command: 'DEL', type: plugin.type, conf, attachment: call.attachment }, signal);
      } catch (error) {
        if (!saysGone(error, call.attachment.netnsPath)) throw error;
      }
    }
  }

  /** Asks each plugin whether the attachment is as ADD left it; does nothing before 0.4.0 or when the list says so. */
  async check(
    network: NetworkConfig,
    call: NetworkCall & { result?: JsonObject },
    signal?: AbortSignal,
  ): Promise<void> {
    if (network.disableCheck || !atLeast(network.cniVersion, '0.4.0')) return;
    for (const plugin of network.plugins) {
      const conf = pluginInput(network, plugin, { ...call, prevResult: call.result });
      await this.plugins.call({ command: 'CHECK', type: plugin.type, conf, attachment: call.attachment }, signal);
    }
  }

  /** Asks each plugin whether it could serve an ADD now; rejects when one could not. Nothing is asked before 1.1.0. */
  async status(network: NetworkConfig, signal?: AbortSignal): Promise<void> {
    if (!atLeast(network.cniVersion, '1.1.0')) return;
    for (const plugin of network.plugins) {
      await this.requireVersion(network, plugin, signal);
      await this.plugins.call({ command: 'STATUS', type: plugin.type, conf: pluginInput(network, plugin) }, signal);
    }
  }

  /** Lets each plugin release what belongs to none of `valid`; nothing is asked before 1.1.0 or when the list says so. */
  async gc(
    network: NetworkConfig,
    valid: readonly { containerID: string; ifname: string }[],
    signal?: AbortSignal,
  ): Promise<void> {
    if (!knowsGc(network)) return;
    for (const plugin of network.plugins) {
      const versions = await this.plugins.versions(plugin.type, signal);
      if (versions && !versions.includes(network.cniVersion)) continue;
      const conf = { ...pluginInput(network, plugin), 'cni.dev/valid-attachments': valid };
      await this.plugins.call({ command: 'GC', type: plugin.type, conf }, signal);
    }
  }

  private async requireVersion(network: NetworkConfig, plugin: PluginConfig, signal?: AbortSignal): Promise<void> {
    const versions = await this.plugins.versions(plugin.type, signal);
    if (!versions || versions.includes(network.cniVersion)) return;
    throw new CniError(
      `network ${network.name} is in CNI version ${network.cniVersion}, which plugin ${plugin.type} does not support ` +
        `(it supports ${versions.join(', ')})`,
    );
  }
}

/** True when GC is meant for this network: from 1.1.0 on, unless its configuration says no. */
export function knowsGc(network: NetworkConfig): boolean {
  return !network.disableGC && atLeast(network.cniVersion, '1.1.0');
}

/** A plugin's configuration with what it takes from its list, from the call, and from the plugin before it. */
function pluginInput(
  network: NetworkConfig,
  plugin: PluginConfig,
  call: { capabilityArgs?: JsonObject; prevResult?: JsonObject } = {},
): JsonObject {
  const wanted = runtimeConfig(plugin.conf, call.capabilityArgs ?? {});
  return {
    ...plugin.conf,
    name: network.name,
    cniVersion: network.cniVersion,
    ...(wanted ? { runtimeConfig: wanted } : {}),
    ...(call.prevResult ? { prevResult: call.prevResult } : {}),
  };
}

/** An answer in the version of the list; as it is when the plugin kept to it, so that nothing it said is lost. */
function inVersion(answer: JsonObject, version: string): JsonObject {
  const given = asString(answer.cniVersion);
  if (given === version) return answer;
  const result = parseResult(answer, version);
  return given === '' ? { ...answer, cniVersion: version } : resultJson(result, version);
}

/**
 * A DEL must succeed for what is not there, but plugins differ: without a namespace some fail to open the empty path, and
 * some report that the thing was "not found". Only what a plugin itself answered counts, not a plugin that is missing.
 */
function saysGone(error: unknown, netnsPath: string): boolean {
  if (!(error instanceof CniError) || error.code === undefined) return false;
  if (error.message.includes('not found')) return true;
  return netnsPath === '' && error.message.includes('no such file or directory');
}
