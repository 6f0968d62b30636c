import { imageVolumePaths } from '../../../src/oci/image-volumes';
import { container } from './fixtures';

describe('imageVolumePaths', () => {
  it.each([
    ['each once', ['/a', '/a/', '/b'], [], ['/a', '/b']],
    ['from the root', ['data'], [], ['/data']],
    ['those the request does not mount', ['/a', '/b'], ['/b/'], ['/a']],
    ['none that leaves the root', ['/../../etc', '/a/../../etc', '/', ''], [], []],
  ])('are %s', (_, volumes, mounted, expected) => {
    const { mounts } = container({ mounts: mounted.map((containerPath) => ({ containerPath, hostPath: '/x' })) });
    expect(imageVolumePaths(volumes, mounts)).toEqual(expected);
  });
});
