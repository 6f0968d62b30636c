import { errorMessage } from '../../src/base/errors';
import { shown } from './input';
import { keep } from './kept';
import { fuzzMessages } from './messages/run';
import { readWithAll } from './parsers';
import { TARGETS } from './targets/all';

const SECONDS = 120;
const MESSAGES = 100_000;

/**
 * Every parser reads changed inputs for a while; then crisp before a containerd of its own is sent random messages over all
 * RPCs. Environment: SECONDS_ (120, for all parsers together), MESSAGES (100,000; 0: none), SEED, ONLY (a regular expression
 * of targets; then no messages), STAGE (which containerd), FUZZ_LOGS (keeps the daemons' logs). Inputs that fail are put into
 * test/fuzz/kept. The last line is `N passed, N failed`; a target is a case, and so is each thing that messages must not do.
 */
export async function main(): Promise<void> {
  const { SECONDS_: seconds = '', MESSAGES: messages = '', SEED: seedText = '', ONLY: only = '' } = process.env;
  const seed = Number(seedText || Math.floor(Math.random() * 0x7fff_ffff));
  if (!Number.isInteger(seed)) throw new Error('SEED is a whole number');
  const names = TARGETS.map(({ name }) => name).filter((name) => new RegExp(only).test(name));
  const failed: string[] = [];
  let passed = 0;
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (interrupted = true));
  const stopped = (): boolean => interrupted;
  console.log(`seed ${seed}\n`);
  console.log('   inputs  slowest ms  parser');
  const tell: Parameters<typeof readWithAll>[0]['tell'] = (name, read) => {
    console.log(`${String(read.inputs).padStart(9)}  ${read.slowestMs.toFixed(0).padStart(10)}  ${name}`);
    if (read.failed.length === 0) passed++;
    for (const kept of read.failed) {
      keep(name, kept);
      failed.push(`${name}: ${kept.why}: ${shown(kept)}`);
    }
  };
  await readWithAll({ names, seconds: Number(seconds || SECONDS), seed, stopped, tell });
  const count = Number(messages || (only === '' ? MESSAGES : 0));
  if (count > 0 && !interrupted) {
    const rows = await fuzzMessages({ count, seed, stopped }).catch((error: unknown) => [
      { what: 'they come to their end', wrong: [errorMessage(error)] },
    ]);
    passed += rows.filter(({ wrong }) => wrong.length === 0).length;
    failed.push(...rows.flatMap(({ what, wrong }) => wrong.slice(0, 5).map((each) => `messages: ${what}: ${each}`)));
  }
  console.log('');
  for (const what of failed) console.log(`failed: ${what}`);
  console.log(`${passed} passed, ${failed.length} failed`);
  if (failed.length > 0) process.exitCode = 1;
}
