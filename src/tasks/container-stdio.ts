import { join } from 'node:path';
import type { Container } from '../model/container';
import type { StdioSpec } from '../stdio/stdio-service';
import type { LifecycleDeps } from './deps';

/** FIFOs of a container. A terminal has one output stream; stdin is there only when asked for. */
export interface FifoPaths {
  readonly stdin?: string;
  readonly stdout: string;
  readonly stderr?: string;
}

/** Paths of the FIFOs, as the plugin names them. */
export function fifoPaths(ioDir: string, id: string, config: { stdin: boolean; tty: boolean }): FifoPaths {
  return {
    stdin: config.stdin ? join(ioDir, `${id}-stdin`) : undefined,
    stdout: join(ioDir, `${id}-stdout`),
    stderr: config.tty ? undefined : join(ioDir, `${id}-stderr`),
  };
}

/** The paths that exist, for making them. */
export function presentPaths(paths: FifoPaths): string[] {
  return [paths.stdin, paths.stdout, paths.stderr].filter((path) => path !== undefined);
}

/** How to open a container's stdio. */
export function containerStdio(
  deps: Pick<LifecycleDeps, 'paths' | 'maxLogLineBytes'>,
  container: Container,
): StdioSpec & { paths: FifoPaths } {
  const { id, config, logPath } = container.metadata;
  const paths = fifoPaths(deps.paths.io(id), id, config);
  return { id, ...paths, paths, tty: config.tty, logPath, maxLineBytes: deps.maxLogLineBytes };
}
