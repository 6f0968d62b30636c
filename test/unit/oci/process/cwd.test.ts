import { containerCwd } from '../../../../src/oci/process/cwd';
import { thrownBy } from '../fixtures';

describe('containerCwd', () => {
  it.each([
    ['/a', '/b', '/a'],
    ['', '/b', '/b'],
    ['', '', '/'],
    ['work', '', '/work'],
    ['', 'work', '/work'],
    ['/proc/self', '', '/proc/self'],
    ['/srv/proc/self/fd', '', '/srv/proc/self/fd'],
    ['/proc/1/fdx', '', '/proc/1/fdx'],
  ])('of request %j and image %j is %j', (workingDir, image, expected) => {
    expect(containerCwd({ workingDir }, { workingDir: image })).toBe(expected);
  });

  it.each([
    '/proc/self/fd/8',
    '/proc/self/fd',
    '/proc/1/fd/3/',
    '/proc/thread-self/fd/8',
    '/proc/self/task/1/fd/8',
    '//proc//self//fd//8',
    '/proc/self/cwd/../fd/8',
    '/tmp/../proc/self/fd/8',
    '/proc/self/./fd/8',
    'proc/self/fd/8',
    '/proc/self/fd/../../etc',
    '/a\0b',
  ])('refuses %j', (workingDir) => {
    expect(thrownBy(() => containerCwd({ workingDir }, { workingDir: '' }))).toMatchObject({
      field: 'config.working_dir',
    });
    expect(thrownBy(() => containerCwd({ workingDir: '' }, { workingDir }))).toMatchObject({
      field: 'image.config.WorkingDir',
    });
  });
});
