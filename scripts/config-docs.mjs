// Writes docs/config.md from the configuration schema, without needing a whole build.
import { writeFileSync } from 'node:fs';
import { runTypeScript } from './run-typescript.mjs';

const { configDocs } = await runTypeScript('src/config/render.ts');
writeFileSync(new URL('../docs/config.md', import.meta.url), configDocs());
