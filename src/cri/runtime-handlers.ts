import { stringify } from 'smol-toml';
import type { Config } from '../config/schema';
import { genericOptions, type RuncOptionsTable, runcOptions } from '../containerd/runtime-options';
import type { Any } from '../model/any';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { RuntimeHandlers } from '../tasks/deps';

type RuntimeTable = Config['containerd']['runtimes'][string];

/** The shims of runc; v1 is containerd 1.6's and 1.7's older one, with the same options. */
const RUNC: readonly string[] = ['io.containerd.runc.v2', 'io.containerd.runc.v1'];

/** The handlers of a configuration. Throws when the default one has no table. */
export function runtimeHandlers(config: Config): RuntimeHandlers {
  const all = Object.entries(config.containerd.runtimes).map(([name, table]) => toHandler(name, table, config));
  const byName = new Map(all.map((handler) => [handler.name, handler]));
  const fallback = byName.get(config.containerd.default_runtime_name);
  if (!fallback) {
    const name = config.containerd.default_runtime_name;
    throw new Error(`containerd.default_runtime_name: there is no table containerd.runtimes.${name}`);
  }
  return {
    all,
    default: fallback,
    find: (name) => (name === '' ? fallback : byName.get(name)),
    ofPod: (name = '') => byName.get(name) ?? fallback,
  };
}

function toHandler(name: string, table: RuntimeTable, config: Config): RuntimeHandler {
  return {
    name,
    runtimeType: table.runtime_type,
    runtimePath: table.runtime_path,
    podsPerShim: table.pods_per_shim,
    options: shimOptions(table),
    optionsTable: table.options,
    systemdCgroup: table.options.SystemdCgroup === true,
    snapshotter: table.snapshotter || config.containerd.snapshotter,
    podAnnotations: table.pod_annotations,
    containerAnnotations: table.container_annotations,
    privilegedWithoutHostDevices: table.privileged_without_host_devices,
    privilegedWithoutHostDevicesAllDevicesAllowed: table.privileged_without_host_devices_all_devices_allowed,
    cgroupWritable: table.cgroup_writable,
    baseRuntimeSpec: table.base_runtime_spec,
    cniConfDir: table.cni_conf_dir || config.cni.conf_dir,
    cniMaxConfNum: table.cni_conf_dir ? table.cni_max_conf_num : config.cni.max_conf_num,
    selinuxKvmLabel: table.selinux_kvm_label === 'yes' || (table.selinux_kvm_label === 'auto' && isKata(table)),
    hostProcesses: table.host_processes === 'auto' ? RUNC.includes(table.runtime_type) : table.host_processes,
    infraContainer: table.infra_container,
  };
}

/** By the type's name alone, as containerd tells it; a VM shim of another name says so by its setting. */
function isKata(table: RuntimeTable): boolean {
  return table.runtime_type.includes('io.containerd.kata');
}

/** runc's shim has a message of its own; any other takes a file or its whole table, and none when there is no table. */
function shimOptions(table: RuntimeTable): Any | undefined {
  if (RUNC.includes(table.runtime_type)) return runcOptions(table.options as RuncOptionsTable);
  if (Object.keys(table.options).length === 0) return undefined;
  const { TypeUrl, ConfigPath } = table.options;
  const typeUrl = typeof TypeUrl === 'string' ? TypeUrl : '';
  if (typeof ConfigPath === 'string') return genericOptions({ typeUrl, configPath: ConfigPath });
  return genericOptions({ typeUrl, configPath: '', configBody: Buffer.from(stringify(table.options)) });
}
