// Builds the sandbox and the smoke image without a registry and without a compiler, as archives for `ctr images import`:
//   node scripts/local-images.mjs DIRECTORY PAUSE-REFERENCE BUSYBOX-REFERENCE
// writes DIRECTORY/pause.tar and DIRECTORY/busybox.tar. The second is made of the machine's static busybox.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runTypeScript } from './run-typescript.mjs';

const [directory, pause, smoke] = process.argv.slice(2);
const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch];
if (smoke === undefined || architecture === undefined) {
  console.error(smoke ? `no local images for ${process.arch}` : 'usage: local-images.mjs DIRECTORY PAUSE BUSYBOX');
  process.exit(2);
}

const busybox = findBusybox();
const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
const { pauseImage, busyboxImage } = await runTypeScript('scripts/local-images/images.ts');
mkdirSync(directory, { recursive: true });
writeFileSync(`${directory}/pause.tar`, pauseImage(pause, architecture));
writeFileSync(
  `${directory}/busybox.tar`,
  busyboxImage(smoke, architecture, { binary: readFileSync(busybox), applets }),
);

/** A busybox that runs without shared libraries; Debian's busybox-static puts it in one of these places. */
function findBusybox() {
  for (const path of ['/usr/bin/busybox', '/bin/busybox']) {
    try {
      // An ELF file that names an interpreter is linked dynamically: no such string stands in a static one's first page.
      if (!readFileSync(path).subarray(0, 4096).includes('/ld-')) return path;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  console.error('no static busybox found; the package busybox-static has one');
  process.exit(1);
}
