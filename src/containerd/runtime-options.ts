import { RuntimeInfo, RuntimeRequest } from '../../generated/containerd/types/introspection';
import { Options as RuncOptions } from '../../generated/containerd/types/runc/options/oci';
import { Options as GenericOptions } from '../../generated/containerd/types/runtimeoptions/v1/api';
import type { Any } from '../model/any';

const RUNC_URL = 'containerd.runc.v1.Options';
const GENERIC_URL = 'runtimeoptions.v1.Options';
const REQUEST_URL = 'containerd.types.RuntimeRequest';

/** Options of runc's shim, by the names containerd's configuration has for them. */
export interface RuncOptionsTable {
  readonly NoPivotRoot?: boolean;
  readonly NoNewKeyring?: boolean;
  readonly ShimCgroup?: string;
  readonly IoUid?: number;
  readonly IoGid?: number;
  readonly BinaryName?: string;
  readonly Root?: string;
  readonly SystemdCgroup?: boolean;
  readonly CriuImagePath?: string;
  readonly CriuWorkPath?: string;
}

/** Options as runc's shim takes them. */
export function runcOptions(table: RuncOptionsTable): Any {
  const message = RuncOptions.fromPartial({
    noPivotRoot: table.NoPivotRoot,
    noNewKeyring: table.NoNewKeyring,
    shimCgroup: table.ShimCgroup,
    ioUid: table.IoUid,
    ioGid: table.IoGid,
    binaryName: table.BinaryName,
    root: table.Root,
    systemdCgroup: table.SystemdCgroup,
    criuImagePath: table.CriuImagePath,
    criuWorkPath: table.CriuWorkPath,
  });
  return { typeUrl: RUNC_URL, value: Buffer.from(RuncOptions.encode(message).finish()) };
}

/** The same options with the owner of a container's stdio set: a task's options replace the container's, they do not merge. */
export function withIoOwner(options: Any, owner: { uid: number; gid: number }): Any {
  const message = RuncOptions.decode(options.value);
  const owned = { ...message, ioUid: owner.uid, ioGid: owner.gid };
  return { typeUrl: RUNC_URL, value: Buffer.from(RuncOptions.encode(owned).finish()) };
}

/** True for options that runc's shim understands; other shims refuse them. */
export function isRuncOptions(options: Any | undefined): options is Any {
  return options?.typeUrl === RUNC_URL;
}

/** Options as every other shim takes them: the type it asks for and a file, or the configuration itself. */
export function genericOptions(options: { typeUrl: string; configPath: string; configBody?: Buffer }): Any {
  return {
    typeUrl: GENERIC_URL,
    value: Buffer.from(GenericOptions.encode(GenericOptions.fromPartial(options)).finish()),
  };
}

/** The question "what can this runtime do?", for the introspection service. */
export function runtimeRequest(runtimePath: string, options: Any | undefined): Any {
  const message = RuntimeRequest.fromPartial({ runtimePath, options });
  return { typeUrl: REQUEST_URL, value: Buffer.from(RuntimeRequest.encode(message).finish()) };
}

/** The answer: the OCI runtime's features document (JSON), if it has one. */
export function runtimeFeatures(info: Any): Buffer | undefined {
  const { features } = RuntimeInfo.decode(info.value);
  return features && Buffer.from(features.value);
}
