import { imageArchive } from './image-archive';
import { type Architecture, pauseElf } from './pause-elf';
import type { TarEntry } from './tar';

/** The archive of a pause image: one executable, nothing else. */
export function pauseImage(name: string, architecture: Architecture): Buffer {
  return imageArchive({
    name,
    architecture,
    files: [{ name: 'pause', kind: 'file', data: pauseElf(architecture), mode: 0o755 }],
    config: { Entrypoint: ['/pause'], WorkingDir: '/', User: '65535:65535' },
  });
}

/** The archive of an image with a shell and the usual commands, all of them one static busybox. */
export function busyboxImage(
  name: string,
  architecture: Architecture,
  busybox: { binary: Buffer; applets: readonly string[] },
): Buffer {
  return imageArchive({
    name,
    architecture,
    files: busyboxFiles(busybox),
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['sh'],
      WorkingDir: '/',
    },
  });
}

function busyboxFiles({ binary, applets }: { binary: Buffer; applets: readonly string[] }): TarEntry[] {
  const directories = [
    'bin/',
    'dev/',
    'etc/',
    'home/',
    'proc/',
    'root/',
    'sys/',
    'usr/',
    'usr/bin/',
    'var/',
    'var/tmp/',
  ];
  const text = (name: string, content: string): TarEntry => ({ name, kind: 'file', data: Buffer.from(content) });
  return [
    ...directories.map((name): TarEntry => ({ name, kind: 'directory' })),
    { name: 'tmp/', kind: 'directory', mode: 0o1777 },
    text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n'),
    text('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    { name: 'bin/busybox', kind: 'file', data: binary, mode: 0o755 },
    ...applets
      .filter((applet) => applet !== 'busybox')
      .map((applet): TarEntry => ({ name: `bin/${applet}`, kind: 'symlink', target: 'busybox' })),
  ];
}
