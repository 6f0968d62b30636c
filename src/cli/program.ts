import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { errorMessage } from '../base/errors';
import { checkContainerdConfig } from '../config/check-containerd';
import { convertContainerdConfig } from '../config/convert';
import { parseDuration } from '../config/duration';
import { type ConfigFlags, DEFAULT_CONFIG_FILE, loadConfig } from '../config/load';
import { configDocs, defaultToml } from '../config/render';
import type { Config } from '../config/schema';
import { ConfigError } from '../config/setting';

/** What `crisp smoke` was asked to do. */
export interface SmokeArguments {
  /** Socket path, with or without `unix://`. */
  readonly endpoint: string;
  readonly image: string;
  readonly runtimeHandler: string;
}

/** What `crisp pull` was asked to do. */
export interface PullArguments {
  readonly endpoint: string;
  readonly image: string;
  readonly timeoutMs: number;
}

/** What the commands do beyond reading their arguments; main.ts gives it. Numbers are exit codes. */
export interface Actions {
  readonly version: string;
  serve(config: Config): Promise<number>;
  handOver(config: Config): Promise<number>;
  smoke(args: SmokeArguments): Promise<number>;
  pull(args: PullArguments): Promise<number>;
  removePods(args: { readonly endpoint: string }): Promise<number>;
  /** What `containerd config dump` prints. */
  containerdConfig(): Promise<string>;
  out(text: string): void;
  err(text: string): void;
}

const CONTAINERD_FILE = '/etc/containerd/config.toml';
const DEFAULT_ENDPOINT = 'unix:///run/crisp/crisp.sock';

/** `--no-containerd-config` makes it false. */
interface CheckOptions {
  readonly config?: string;
  readonly containerdConfig?: string | false;
}

type ServeOptions = ConfigFlags & { readonly config?: string };

/** Exit code for a command line that cannot be used. */
const BAD_USAGE = 2;
/** Exit code for a configuration that cannot be used: EX_CONFIG of sysexits.h. The unit does not restart after these two. */
const BAD_CONFIG = 78;

/** Runs the command that `args` (without node and script) name and answers the exit code. Throws only what an action throws. */
export async function runCommand(args: readonly string[], actions: Actions): Promise<number> {
  const result = { code: 0 };
  const program = buildProgram(actions, (code) => {
    result.code = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    // Commander has printed its own message by now; help and the like end with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_USAGE;
    if (!(error instanceof ConfigError)) throw error;
    actions.err(`crisp: ${error.message}\n`);
    return error.path.startsWith('--') ? BAD_USAGE : BAD_CONFIG;
  }
  return result.code;
}

function buildProgram(actions: Actions, done: (code: number) => void): Command {
  const program = new Command('crisp')
    .description('The Kubernetes Container Runtime Interface in front of containerd.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => actions.out(text), writeErr: (text) => actions.err(text) })
    .showHelpAfterError('(crisp --help lists the commands)');
  addServe(program, actions, done);
  addHandover(program, actions, done);
  addConfig(program, actions);
  addClient(program, actions, done);
  program
    .command('version')
    .description('print the version')
    .action(() => actions.out(`crisp ${actions.version}\n`));
  return program;
}

function addServe(program: Command, actions: Actions, done: (code: number) => void): void {
  program
    .command('serve')
    .description('serve CRI until SIGTERM or SIGINT; containers go on running')
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG_FILE} if it exists)`)
    .option('--listen <socket>', 'socket on which CRI is served')
    .option('--containerd <address>', 'socket of containerd')
    .option('--root <dir>', 'directory for what a reboot must not lose')
    .option('--state <dir>', 'directory for what lasts until the next boot')
    .option('--log-level <level>', 'debug, info, warn or error')
    .action(async ({ config: file, ...flags }: ServeOptions) => done(await actions.serve(loadConfig({ file, flags }))));
}

function addHandover(program: Command, actions: Actions, done: (code: number) => void): void {
  program
    .command('handover')
    .description('give every pod a pause task, for containerd’s own CRI to take the pods over; crisp must be stopped')
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG_FILE} if it exists)`)
    .option('--containerd <address>', 'socket of containerd')
    .option('--state <dir>', 'directory for what lasts until the next boot')
    .option('--log-level <level>', 'debug, info, warn or error')
    .action(async ({ config: file, ...flags }: ServeOptions) =>
      done(await actions.handOver(loadConfig({ file, flags: { logLevel: 'warn', ...flags } }))),
    );
}

function addConfig(program: Command, actions: Actions): void {
  const config = program.command('config').description('print or check a configuration');
  config
    .command('default')
    .description('print a configuration file with every key')
    .action(() => actions.out(defaultToml()));
  config
    .command('check')
    .description(
      'read a configuration as serve would, and look at containerd’s; what does not fit there is only warned of',
    )
    .option('--config <file>', `configuration file (default: ${DEFAULT_CONFIG_FILE} if it exists)`)
    .option(
      '--containerd-config <file>',
      'what `containerd config dump` prints; - reads standard input (default: containerd is asked)',
    )
    .option('--no-containerd-config', 'do not look at containerd’s')
    .action((options: CheckOptions) => checkConfig(options, actions));
  config
    .command('convert')
    .description('print the configuration that one of containerd makes; what is left out goes to standard error')
    .argument(
      '[file]',
      'containerd’s file, best what `containerd config dump` prints; - reads standard input',
      CONTAINERD_FILE,
    )
    .action((file: string) => {
      const { toml, warnings } = convertContainerdConfig(readText(file));
      for (const warning of warnings) actions.err(`crisp: ${warning}\n`);
      actions.out(toml);
    });
  config
    .command('docs')
    .description('print the reference of all keys in Markdown')
    .action(() => actions.out(configDocs()));
}

async function checkConfig({ config: file, containerdConfig }: CheckOptions, actions: Actions): Promise<void> {
  const { containerd } = loadConfig({ file });
  actions.out(`${file ?? DEFAULT_CONFIG_FILE}: ok\n`);
  if (containerdConfig === false) return;
  let dump: string;
  try {
    dump = containerdConfig === undefined ? await actions.containerdConfig() : readText(containerdConfig);
  } catch (error) {
    if (containerdConfig !== undefined) throw error;
    actions.err(`crisp: containerd’s configuration was not looked at: ${errorMessage(error)}\n`);
    return;
  }
  const warnings = checkContainerdConfig(dump, containerd);
  for (const warning of warnings) actions.err(`crisp: containerd: ${warning}\n`);
  if (warnings.length === 0) actions.out('containerd: ok\n');
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new ConfigError('', `cannot read ${file}`, { cause: error });
  }
}

function addClient(program: Command, actions: Actions, done: (code: number) => void): void {
  program
    .command('smoke')
    .description('run one pod through a CRI socket and take it down again')
    .option('--endpoint <socket>', 'CRI socket', DEFAULT_ENDPOINT)
    .option('--image <reference>', 'image with a shell to run', 'docker.io/library/busybox:1.37.0')
    .option('--runtime-handler <name>', 'runtime handler of the pod', '')
    .action(async (args: SmokeArguments) => done(await actions.smoke(args)));
  program
    .command('pull')
    .description('have an image pulled through a CRI socket unless it is there')
    .argument('<reference>', 'the image')
    .option('--endpoint <socket>', 'CRI socket', DEFAULT_ENDPOINT)
    .option('--timeout <duration>', 'give up after this time', '3m')
    .action(async (image: string, { endpoint, timeout }: { endpoint: string; timeout: string }) => {
      const timeoutMs = parseDuration(timeout);
      if (timeoutMs === undefined) throw new ConfigError('--timeout', `"${timeout}" is not a duration such as "90s"`);
      done(await actions.pull({ endpoint, image, timeoutMs }));
    });
  program
    .command('remove-pods')
    .description('stop and remove every pod of a CRI server')
    .requiredOption('--all', 'required, since there is no way back')
    .option('--endpoint <socket>', 'CRI socket', DEFAULT_ENDPOINT)
    .action(async ({ endpoint }: { endpoint: string }) => done(await actions.removePods({ endpoint })));
}
