import { describeMachine } from '../../bench/machine';

describe('describeMachine', () => {
  it('says first which release crisp is measured against', () => {
    const machine = {
      ...{ when: '2026-12-02T01:02', processors: '2 × some', memory: '24 GiB', kernel: '6.1', load: 0.25 },
      ...{ containerd: 'v2.9.9', runc: '1.9.9', node: 'v26.0.0' },
    };
    expect(describeMachine(machine)).toBe(
      'The plugin is the CRI of containerd v2.9.9, with runc 1.9.9; crisp runs on the same two, with Node v26.0.0. ' +
        '2026-12-02T01:02 UTC; 2 × some, 24 GiB, Linux 6.1; load average before: 0.3.',
    );
  });
});
