import { createCipheriv } from 'node:crypto';

import { type Architecture, pauseElf } from '../../../../scripts/local-images/pause-elf';
import { type TarEntry, tar } from '../../../../scripts/local-images/tar';
import type { ImageDefinition, ImageRunConfig, ImageShape } from './push';
import { compiled, file, nginx, userland } from './trees';

const PATH = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
const SHELL: ImageRunConfig = { Env: PATH, Cmd: ['sh'] };
const SERVER: ImageRunConfig = {
  Env: PATH,
  Cmd: ['nginx', '-g', 'daemon off;'],
  ExposedPorts: { '80/tcp': {} },
  StopSignal: 'SIGTERM',
};
const ARCHITECTURE: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const E2E = 'e2e-test-images';
const CRITEST = 'k8s-staging-cri-tools';

/** The image that critest names by digest: its constant is swapped for the digest of this one. */
export const DIGEST_IMAGE = `${CRITEST}/test-image-digest:latest`;

/** Pause images of every tag that a kubelet, containerd or crisp asks for by default. */
const PAUSE_TAGS = ['3.6', '3.8', '3.9', '3.10', '3.10.1', '3.10.2', '3.11'];

/** Stand-ins for every image that critest pulls, by the names it pulls them under. */
export function testImages(): ImageDefinition[] {
  const base = tar(userland());
  const onBase = (names: string[], extra: TarEntry[], config: ImageRunConfig = SHELL, shape: ImageShape = 'plain') => ({
    names,
    layers: extra.length > 0 ? [base, tar(extra)] : [base],
    config,
    shape,
  });
  const marker = (name: string) => [file(name, name)];
  const busybox = ['1.29-2', '1.29-4', '1.36.1-1'].map((tag) => `${E2E}/busybox:${tag}`);
  const library = ['1', 'latest', '1.37.0'].map((tag) => `library/busybox:${tag}`);
  const variants = ['1-glibc', '1-musl', '1-uclibc', '1.35.0-glibc', '1.28', '1.36'];
  return [
    onBase([...busybox, ...library], [], SHELL, 'docker'),
    ...variants.map((tag) => onBase([`library/busybox:${tag}`], marker(tag))),
    ...pauseImages(),
    onBase([`${E2E}/nginx:1.14-2`, `${E2E}/nginx:1.14-4`, 'library/nginx:latest'], nginx(80), SERVER, 'index'),
    onBase([`${E2E}/httpd:2.4.39-4`], nginx(80), {
      ...SERVER,
      Cmd: ['sh', '-c', 'echo httpd >&2; exec nginx -g "daemon off;"'],
    }),
    onBase([`${CRITEST}/hostnet-nginx-amd64:latest`, `${CRITEST}/hostnet-nginx-arm64:latest`], nginx(12003), SERVER),
    onBase([`${E2E}/nonewprivs:1.3`], [file('nnp', compiled('effective-uid'), 0o4755)], {
      Env: PATH,
      Entrypoint: ['/nnp'],
    }),
    ...['test-image-1', 'test-image-2', 'test-image-3', 'test-image-latest'].map((name) =>
      onBase([`${CRITEST}/${name}:latest`], marker(name)),
    ),
    onBase([DIGEST_IMAGE], marker('test-image-digest')),
    onBase(
      ['1', '2', '3'].map((tag) => `${CRITEST}/test-image-tags:${tag}`),
      marker('test-image-tags'),
    ),
    ...['test', 'all'].map((tag) => onBase([`${CRITEST}/test-image-tag:${tag}`], marker(`test-image-tag-${tag}`))),
    ...userImages(onBase),
  ];
}

/** An image of several incompressible layers, for timing pulls; 48 MiB. */
export function bigImage(): ImageDefinition {
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const layers = [0, 1, 2, 3, 4, 5].map((i) => tar([file(`data${i}`, noise.update(Buffer.alloc(8 << 20)))]));
  return { names: ['bench/big:1'], layers, config: SHELL, shape: 'plain' };
}

function pauseImages(): ImageDefinition[] {
  const program = file('pause', pauseElf(ARCHITECTURE), 0o755);
  const config = { Env: PATH, Entrypoint: ['/pause'], User: '65535:65535', WorkingDir: '/' };
  return PAUSE_TAGS.map((tag) => ({
    names: [`pause:${tag}`],
    layers: [tar([program, file('version', tag)])],
    config,
    shape: 'index',
  }));
}

function userImages(
  onBase: (names: string[], extra: TarEntry[], config?: ImageRunConfig) => ImageDefinition,
): ImageDefinition[] {
  const users = { uid: '1002', username: 'www-data', 'uid-group': '1003:users', 'username-group': 'www-data:100' };
  const passwd = [
    'root:x:0:0:root:/root:/bin/sh',
    'www-data:x:33:33:www-data:/var/www:/bin/false',
    'default-user:x:1000:1000::/home/default-user:/bin/sh',
  ];
  const group = [
    'root:x:0:',
    'www-data:x:33:',
    'users:x:100:',
    'default-user:x:1000:',
    'group-defined-in-image:x:50000:default-user',
  ];
  const lines = (text: readonly string[]) => `${text.join('\n')}\n`;
  return [
    ...Object.entries(users).map(([name, user]) =>
      onBase([`${CRITEST}/test-image-user-${name}:latest`], [], { ...SHELL, User: user }),
    ),
    onBase(
      [`${CRITEST}/test-image-predefined-group:latest`],
      [file('etc/passwd', lines(passwd)), file('etc/group', lines(group))],
      { ...SHELL, User: '1000' },
    ),
  ];
}
