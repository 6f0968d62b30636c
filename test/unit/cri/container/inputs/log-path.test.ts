import { containerLogPath } from '../../../../../src/cri/container/inputs/log-path';

const DIR = '/var/log/pods/shop_web_1';

describe('containerLogPath', () => {
  it.each([
    [DIR, 'app/0.log', `${DIR}/app/0.log`],
    [DIR, 'app/../other/0.log', `${DIR}/other/0.log`],
    [DIR, './0.log', `${DIR}/0.log`],
    [DIR, '..0.log', `${DIR}/..0.log`],
    ['', 'app/0.log', ''],
    [DIR, '', ''],
    ['', '', ''],
  ])('of %j and %j is %j', (dir, path, expected) => {
    expect(containerLogPath(dir, path)).toBe(expected);
  });

  it.each(['..', '../x', 'app/../../x', '../shop_web_10/x', '/etc/cron.d/x', '//etc/x'])(
    'refuses %j, which leaves',
    (path) => {
      expect(() => containerLogPath(DIR, path)).toThrow('config.log_path: ');
    },
  );

  it('refuses a log directory that is not absolute', () => {
    expect(() => containerLogPath('logs', '0.log')).toThrow('sandbox_config.log_directory: is not an absolute path');
  });
});
