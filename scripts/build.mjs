// Bundles the server into dist/crisp.js: one minified file starts in half the time of the modules it is made of. The process
// that has the stdio of containers is a small file of its own, dist/crisp-stdio.js: it is there for as long as the node.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeCodeCache } from './code-cache.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  entryPoints: {
    crisp: 'src/main.ts',
    'crisp-stdio': 'src/stdiod/main.ts',
    'crisp-host': 'src/host/syscall/kernel-worker.ts',
  },
  outdir: 'dist',
  absWorkingDir: root,
  bundle: true,
  minify: true,
  // Class and function names appear in log lines and stack traces.
  keepNames: true,
  sourcemap: 'linked',
  sourcesContent: false,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // koffi finds its native part (a package per platform) beside itself; a bundle would lose it. The gRPC library loads
  // proto-loader only for a service that crisp does not have.
  external: ['koffi', '@koromix/*', '@grpc/proto-loader'],
  logLevel: 'warning',
});
writeCodeCache(root);
