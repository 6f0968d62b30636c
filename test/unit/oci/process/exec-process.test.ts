import type { Spec } from '../../../../src/model/spec';
import { execProcess } from '../at-once';
import { thrownBy } from '../fixtures';

const spec: Spec = {
  ociVersion: '1.2.0',
  process: {
    terminal: true,
    consoleSize: { height: 1, width: 1 },
    user: { uid: 1, gid: 2, additionalGids: [2, 3] },
    args: ['/app'],
    env: ['TERM=linux', 'A=1'],
    cwd: '/work',
    capabilities: { bounding: ['CAP_KILL'] },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1n, hard: 2n ** 63n }],
    noNewPrivileges: true,
    apparmorProfile: 'a',
    selinuxLabel: 's',
    oomScoreAdj: 5,
  },
};

describe('execProcess', () => {
  const inherited = {
    user: { uid: 1, gid: 2, additionalGids: [2, 3] },
    cwd: '/work',
    capabilities: { bounding: ['CAP_KILL'] },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1n, hard: 2n ** 63n }],
    noNewPrivileges: true,
    apparmorProfile: 'a',
    selinuxLabel: 's',
    oomScoreAdj: 5,
  };

  it('is the process of the container with other arguments', () => {
    const before = structuredClone(spec);
    expect(execProcess(spec.process, { cmd: ['/bin/sh', '-c', 'id'], tty: false })).toEqual({
      ...inherited,
      args: ['/bin/sh', '-c', 'id'],
      env: ['TERM=linux', 'A=1'],
    });
    expect(spec).toEqual(before);
  });

  it('has a TERM on a terminal', () => {
    expect(execProcess(spec.process, { cmd: ['/bin/sh'], tty: true })).toEqual({
      ...inherited,
      terminal: true,
      args: ['/bin/sh'],
      env: ['TERM=xterm', 'A=1'],
    });
  });

  it.each([
    [[], 'cmd'],
    [['sh', 'a\0b'], 'cmd[1]'],
  ])('refuses %j', (cmd, field) => {
    expect(thrownBy(() => execProcess(spec.process, { cmd, tty: false }))).toMatchObject({ field });
  });
});
