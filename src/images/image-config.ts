import { goList, goStruct, readAsGo } from '../base/go-fields';
import { parseJson } from '../base/json';
import type { ImageConfig } from '../model/image';
import { isSha256 } from './digest';
import { refused } from './errors';
import { objectOf, parseObject, stringMapOf, stringOf, stringsOf } from './json-document';
import type { Platform } from './platform';

/** Labels and history can make a config long, but not longer than this. */
export const MAX_CONFIG_BYTES = 8 << 20;

/** The config as Go programs declare it: image-spec's config.md, and what Docker has besides. */
const CONFIG_SHAPE = goStruct('created author architecture os variant os.version os.features', {
  config: goStruct(
    'User ExposedPorts Env Entrypoint Cmd Volumes WorkingDir Labels StopSignal ArgsEscaped Healthcheck OnBuild Shell',
  ),
  rootfs: goStruct('type diff_ids'),
  history: goList(goStruct('created created_by author comment empty_layer')),
});

/** What an image's config document says. */
export interface ParsedConfig {
  readonly platform: Platform;
  readonly diffIds: readonly string[];
  readonly config: ImageConfig;
}

/** Reads an image config (OCI image-spec, config.md). Throws a PullError that names what is wrong in it. */
export function parseImageConfig(data: Buffer, what: string): ParsedConfig {
  const body = readAsGo(parseObject(data, what), CONFIG_SHAPE);
  const rootfs = objectOf(body.rootfs ?? {}, `rootfs of ${what}`);
  const diffIds = stringsOf(rootfs.diff_ids, `rootfs.diff_ids of ${what}`);
  const wrong = diffIds.find((diffId) => !isSha256(diffId));
  if (wrong !== undefined) throw refused(`rootfs.diff_ids of ${what} has "${wrong}", which is not a sha256 digest`);
  return {
    platform: {
      os: stringOf(body.os, `os of ${what}`),
      architecture: stringOf(body.architecture, `architecture of ${what}`),
      variant: stringOf(body.variant, `variant of ${what}`),
    },
    diffIds,
    config: containerConfig(body.config, what),
  };
}

function containerConfig(value: unknown, what: string): ImageConfig {
  const config = objectOf(value ?? {}, `config of ${what}`);
  const at = (key: string): string => `config.${key} of ${what}`;
  return {
    user: stringOf(config.User, at('User')),
    env: stringsOf(config.Env, at('Env')),
    entrypoint: stringsOf(config.Entrypoint, at('Entrypoint')),
    cmd: stringsOf(config.Cmd, at('Cmd')),
    workingDir: stringOf(config.WorkingDir, at('WorkingDir')),
    labels: stringMapOf(config.Labels, at('Labels')),
    volumes: Object.keys(objectOf(config.Volumes ?? {}, at('Volumes'))),
    stopSignal: stringOf(config.StopSignal, at('StopSignal')),
  };
}

/** The config document of an image that is here, each field under its own name: the `imageSpec` of a verbose status. */
export function imageSpecJson(rawConfig: Buffer): unknown {
  return readAsGo(parseJson(rawConfig.toString('utf8')), CONFIG_SHAPE);
}
