import { goList, goStruct, readAsGo } from '../../base/json/go-fields';
import { parseJson } from '../../base/json/json';
import type { ImageConfig } from '../../model/image';
import { refused } from '../errors';
import { isSha256, shown } from './digest';
import { MAX_PATH } from './document-limits';
import { objectOf, parseObject, shortStringOf, stringMapOf, stringsOf } from './json-document';
import type { Platform } from './platform';

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
  if (wrong !== undefined)
    throw refused(`rootfs.diff_ids of ${what} has "${shown(wrong)}", which is not a sha256 digest`);
  return {
    platform: {
      os: shortStringOf(body.os, `os of ${what}`),
      architecture: shortStringOf(body.architecture, `architecture of ${what}`),
      variant: shortStringOf(body.variant, `variant of ${what}`),
    },
    diffIds,
    config: containerConfig(body.config, what),
  };
}

function containerConfig(value: unknown, what: string): ImageConfig {
  const config = objectOf(value ?? {}, `config of ${what}`);
  const at = (key: string): string => `config.${key} of ${what}`;
  return {
    user: shortStringOf(config.User, at('User')),
    env: stringsOf(config.Env, at('Env')),
    entrypoint: stringsOf(config.Entrypoint, at('Entrypoint')),
    cmd: stringsOf(config.Cmd, at('Cmd')),
    workingDir: shortStringOf(config.WorkingDir, at('WorkingDir'), MAX_PATH),
    labels: stringMapOf(config.Labels, at('Labels')),
    volumes: Object.keys(objectOf(config.Volumes ?? {}, at('Volumes'))),
    stopSignal: shortStringOf(config.StopSignal, at('StopSignal')),
  };
}

/** The config document of an image that is here, each field under its own name: the `imageSpec` of a verbose status. */
export function imageSpecJson(rawConfig: Buffer): unknown {
  return readAsGo(parseJson(rawConfig.toString('utf8')), CONFIG_SHAPE);
}
