import { constants } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { version } from '../package.json';
import { errorMessage } from './base/errors';
import type { Logger } from './base/logger';
import { type PullArguments, runCommand, type SmokeArguments } from './cli/program';
import type { Config } from './config/schema';
import { closePassedDescriptors, serviceManager } from './host/systemd/service-manager';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * Serves until a signal asks to stop; 0 when everything was put down in order. When containerd comes back as one that must
 * not be used (with its own CRI plugin on, say), everything is put down and built anew in this process, which then waits as
 * at any start: after that nothing is left that may still act on pods that are another server's now.
 */
async function serve(config: Config): Promise<number> {
  const kept = closePassedDescriptors(process.env);
  const { makeLogger } = await import('./observability/logger');
  const log = makeLogger(config.log);
  surviveMistakes(log);
  const asked = stopSignal();
  const manager = serviceManager(process.env, log);
  const [{ startApp }, { lockState }] = await Promise.all([import('./server/start'), import('./server/lock')]);
  const stopped = new AbortController();
  void asked.then((signal) => stopped.abort(new Error(signal)));
  for (;;) {
    const lock = await lockState(join(config.state, 'lock'), { log, manager, signal: stopped.signal });
    if (!lock) {
      log.info('stopped');
      return 0;
    }
    const app = await startApp(config, {
      ...{ log, version, kept, manager, lock },
      stdioProgram: join(__dirname, 'crisp-stdio.js'),
    });
    const end = await Promise.race([asked, app.unusable]);
    if (end instanceof Error) {
      log.error('containerd came back and cannot be used, starting over', { reason: end.message });
      manager.waiting(end.message);
      await app.stop();
      continue;
    }
    log.info('stopping', { signal: end });
    manager.stopping();
    await app.stop();
    log.info('stopped');
    return 0;
  }
}

/** Gives every pod a pause task; 0 when every pod that is READY has one. */
async function handOver(config: Config): Promise<number> {
  const { makeLogger } = await import('./observability/logger');
  const log = makeLogger(config.log);
  const { runHandover } = await import('./server/handover');
  const stdioProgram = join(__dirname, 'crisp-stdio.js');
  const options = { ...{ log, version, stdioProgram, kept: [] }, manager: serviceManager({}, log) };
  return (await runHandover(config, options, printLine)) ? 0 : 1;
}

async function smoke(args: SmokeArguments): Promise<number> {
  const { runSmoke } = await import('./client/smoke');
  return runSmoke({ ...args, print: printLine, signal: interruption() });
}

async function pull(args: PullArguments): Promise<number> {
  const { runPull } = await import('./client/smoke');
  return runPull({ ...args, print: printLine, signal: interruption() });
}

async function removePods({ endpoint }: { endpoint: string }): Promise<number> {
  const { runRemovePods } = await import('./client/smoke');
  return runRemovePods({ endpoint, print: printLine });
}

async function containerdConfig(): Promise<string> {
  const { runOk } = await import('./host/process/run');
  return (await runOk(['containerd', 'config', 'dump'])).stdout;
}

const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

/** Fires when a signal asks to stop. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  void stopSignal().then((signal) => controller.abort(new Error(`interrupted by ${signal}`)));
  return controller.signal;
}

/** Resolves with the first signal that asks to stop. A second one ends the process at once, as impatience should. */
function stopSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(128 + constants.signals[signal]);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/** A forgotten promise must not take down every pod's stdio; a thrown error nobody caught leaves an unknown state. */
function surviveMistakes(log: Logger): void {
  process.on('unhandledRejection', (reason) => log.error('unhandled rejection', mistake(reason)));
  process.on('uncaughtException', (error) => {
    log.error('uncaught exception', mistake(error));
    process.exit(1);
  });
}

const mistake = (thrown: unknown): Record<string, unknown> => ({
  error: errorMessage(thrown),
  stack: thrown instanceof Error ? thrown.stack : undefined,
});

async function main(): Promise<void> {
  // A daemon that mostly waits need not keep what its busiest moment took: new objects have 2 MiB, not up to 32, and what
  // is old is collected sooner. With 105 pods that is 80 MB instead of 140, for a tenth more CPU.
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
  // A log reader that has gone (EPIPE) is no reason to stop serving.
  process.stderr.on('error', () => undefined);
  // Without a listener Node answers this signal by opening its debugger on a loopback port: every local user would be root.
  process.on('SIGUSR1', () => undefined);
  const out = (text: string): void => void process.stdout.write(text);
  const err = (text: string): void => void process.stderr.write(text);
  const actions = { version, serve, handOver, smoke, pull, removePods, containerdConfig, out, err };
  const code = await runCommand(process.argv.slice(2), actions).catch((error: unknown) => {
    err(`crisp: ${errorMessage(error)}\n`);
    return 1;
  });
  // Nothing is left to do: a stray handle must not keep the process.
  process.stdout.write('', () => process.exit(code));
}

void main();
