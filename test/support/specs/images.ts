import { type Architecture, pauseElf } from '../../../scripts/local-images/pause-elf';
import { tar } from '../../../scripts/local-images/tar';
import type { ImageDefinition, ImageRunConfig } from '../daemon/images/push';
import { file } from '../daemon/images/trees';

/** Users and groups in every image of the cases. */
export const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  'app:x:1000:1000::/home/app:/bin/sh',
  'other:x:1002:50::/:/bin/sh',
  '',
].join('\n');
export const GROUP = [
  'root:x:0:',
  'wheel:x:10:root,other',
  'staff:x:50:app',
  'app:x:1000:',
  'extra:x:2000:root,app',
  '',
].join('\n');

const CONFIGS: Readonly<Record<string, ImageRunConfig>> = {
  app: {
    Entrypoint: ['/bin/app', '--flag'],
    Cmd: ['serve', 'all'],
    Env: ['PATH=/image/bin:/bin', 'FROM=image', 'EMPTY_IN_IMAGE='],
    WorkingDir: '/work',
    Labels: { 'example.org/image': 'app' },
    StopSignal: 'SIGUSR1',
  },
  bare: {},
  volumes: { Cmd: ['/bin/app'], Volumes: { '/data': {}, '/cache/deep/': {} } },
  named: { Cmd: ['/bin/app'], User: 'app:extra' },
  ids: { Cmd: ['/bin/app'], User: '1002:50' },
};
const PAUSE: ImageRunConfig = {
  Entrypoint: ['/pause'],
  Env: ['PATH=/bin', 'PAUSE=1'],
  User: '65535:65535',
  WorkingDir: '/',
};

const name = (of: string): string => `specs/${of}:1`;

/** The images by what is odd about them. */
export const IMAGES = {
  app: `registry.k8s.io/${name('app')}`,
  bare: `registry.k8s.io/${name('bare')}`,
  volumes: `registry.k8s.io/${name('volumes')}`,
  named: `registry.k8s.io/${name('named')}`,
  ids: `registry.k8s.io/${name('ids')}`,
} as const;

/** What containerd's plugin makes pods of, by release. */
export const PAUSE_IMAGES = { '1.6': 'registry.k8s.io/pause:3.6', '2': 'registry.k8s.io/pause:3.10.2' } as const;

/** The images as references and what their configs say. */
export function imageConfigs(version: keyof typeof PAUSE_IMAGES): { name: string; config: ImageRunConfig }[] {
  const all = Object.entries(CONFIGS).map(([key, config]) => ({ name: `registry.k8s.io/${name(key)}`, config }));
  return [...all, { name: PAUSE_IMAGES[version], config: PAUSE }];
}

/** The images for a registry: every one runs the pause program, whatever it is told to. */
export function imageDefinitions(): ImageDefinition[] {
  const architecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const program = pauseElf(architecture);
  const layer = tar([
    file('pause', program, 0o755),
    file('bin/app', program, 0o755),
    file('etc/passwd', PASSWD),
    file('etc/group', GROUP),
    file('data/kept', 'kept'),
    file('work/kept', 'kept'),
  ]);
  const all = Object.entries(CONFIGS).map(([key, config]) => ({ names: [name(key)], config }));
  return [...all, { names: ['pause:3.6', 'pause:3.10.2'], config: PAUSE }].map((image) => ({
    ...image,
    layers: [layer],
    shape: 'plain',
  }));
}
