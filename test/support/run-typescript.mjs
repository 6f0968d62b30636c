// Runs the `main` of a TypeScript file: node test/support/run-typescript.mjs FILE [ARGUMENT...]
import { runTypeScript } from '../../scripts/run-typescript.mjs';

const [file, ...args] = process.argv.slice(2);
const { main } = await runTypeScript(file);
try {
  await main(args);
} catch (error) {
  console.error(error instanceof Error ? error.stack : error);
  process.exitCode = 1;
}
