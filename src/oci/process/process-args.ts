import type { ContainerConfig } from '../../../generated/cri/v1/api';
import type { ImageConfig } from '../../model/image';
import { OciError } from '../oci-error';
import { checkArguments } from './process-limits';

/** Arguments of a container, from its request or its image. Linux takes 6 MiB of them, which are so many of 96 bytes. */
export const MAX_ARGUMENTS = 65_536;

/**
 * Command and arguments, as kubelet's documentation has it: a command replaces the image's entrypoint and its
 * arguments; arguments alone are passed to the entrypoint. An entrypoint of one empty string is none.
 */
export function containerArgs(
  config: Pick<ContainerConfig, 'command' | 'args'>,
  image: Pick<ImageConfig, 'entrypoint' | 'cmd'>,
): string[] {
  const entrypoint = image.entrypoint.length === 1 && image.entrypoint[0] === '' ? [] : image.entrypoint;
  const args = config.command.length === 0 && config.args.length === 0 ? image.cmd : config.args;
  const command = config.command.length > 0 ? config.command : entrypoint;
  const all = [...command, ...args];
  if (all.length === 0) throw new OciError('config.command', 'no command: neither the request nor the image has one');
  if (all.length > MAX_ARGUMENTS) throw new OciError('config.args', `the command has over ${MAX_ARGUMENTS} arguments`);
  checkArguments(command, command === entrypoint ? 'image.config.Entrypoint' : 'config.command');
  checkArguments(args, args === image.cmd ? 'image.config.Cmd' : 'config.args');
  return all;
}
