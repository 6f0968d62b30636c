import type { ContainerConfig } from '../../generated/cri/v1/api';
import type { ImageConfig } from '../model/image';
import { OciError } from './oci-error';
import { checkArguments } from './process-limits';

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
  checkArguments(command, command === entrypoint ? 'image.config.Entrypoint' : 'config.command');
  checkArguments(args, args === image.cmd ? 'image.config.Cmd' : 'config.args');
  return all;
}
