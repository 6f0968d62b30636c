import { containerArgs, MAX_ARGUMENTS } from '../../../../src/oci/process/process-args';
import { thrownBy } from '../fixtures';

describe('containerArgs', () => {
  it.each([
    // command, args, entrypoint, cmd, expected
    [[], [], ['/e'], ['c'], ['/e', 'c']],
    [[], ['a'], ['/e'], ['c'], ['/e', 'a']],
    [['/x'], [], ['/e'], ['c'], ['/x']],
    [['/x'], ['a'], ['/e'], ['c'], ['/x', 'a']],
    [[], [], [], ['c'], ['c']],
    [[], ['a'], [''], ['c'], ['a']],
    [[], [], [''], ['c'], ['c']],
    [[], [], ['', 'b'], [], ['', 'b']],
  ])('command %j and args %j on an image with %j and %j run %j', (command, args, entrypoint, cmd, expected) => {
    expect(containerArgs({ command, args }, { entrypoint, cmd })).toEqual(expected);
  });

  it.each([
    [[], [''], []],
    [[], [], []],
  ])('refuses when there is nothing to run', (command, entrypoint, cmd) => {
    expect(thrownBy(() => containerArgs({ command, args: [] }, { entrypoint, cmd }))).toMatchObject({
      field: 'config.command',
      message: expect.stringContaining('no command'),
    });
  });

  it('refuses a NUL byte, which would end the argument for the kernel', () => {
    const error = thrownBy(() => containerArgs({ command: ['/x'], args: ['a\0b'] }, { entrypoint: [], cmd: [] }));
    expect(error).toMatchObject({ field: 'config.args[0]' });
  });

  it('takes as many arguments of an image as a container may have, and refuses one more', () => {
    const run = (count: number) =>
      containerArgs({ command: [], args: [] }, { entrypoint: [], cmd: Array(count).fill('a') });
    expect(run(MAX_ARGUMENTS)).toHaveLength(MAX_ARGUMENTS);
    expect(thrownBy(() => run(MAX_ARGUMENTS + 1))).toMatchObject({ field: 'config.args' });
  });
});
