import { benchOptions, modeOf, PARTS } from '../../bench/options';

describe('the options of the bench', () => {
  it('are everything in full, containerd’s plugin beside crisp, when nothing is said', () =>
    expect(benchOptions({})).toEqual({
      parts: [...PARTS],
      pods: 100,
      density: 105,
      rounds: 3,
      restSeconds: 30,
      exited: 1000,
      logMib: 256,
      streamMib: 1024,
      loadSeconds: 20,
      document: true,
      entries: [
        { name: 'plugin', kind: 'plugin' },
        { name: 'crisp', kind: 'crisp', settings: {} },
      ],
    }));

  it('are in part when some parts are named, in the usual order', () =>
    expect(benchOptions({ PARTS: 'exec, pods' })).toMatchObject({ parts: ['pods', 'exec'], document: false }));

  it('are in part when there is less of anything', () =>
    expect(benchOptions({ PODS: '20' })).toMatchObject({ pods: 20, document: false }));

  it('document what was measured in part when they are told to', () =>
    expect(benchOptions({ PODS: '20', DOCUMENT: '1' })).toMatchObject({ pods: 20, document: true }));

  it('have crisps with other settings, of another build and with flags of Node', () =>
    expect(
      benchOptions({
        VARIANTS: 'bare: runtime_name = "x"; before: bundle = "/x/crisp.js"; small: node_flags = "--a --b=1"',
      }).entries,
    ).toEqual([
      { name: 'plugin', kind: 'plugin' },
      { name: 'crisp', kind: 'crisp', settings: {} },
      { name: 'bare', kind: 'crisp', settings: { runtime_name: 'x' }, bundle: undefined },
      { name: 'before', kind: 'crisp', settings: {}, bundle: '/x/crisp.js' },
      { name: 'small', kind: 'crisp', settings: {}, nodeFlags: ['--a', '--b=1'] },
    ]));

  it('know how the pods of a crisp are held', () => {
    const table = 'containerd.runtimes.runc';
    const shims = (n: number) => `s${n}: ${table}.pods_per_shim = ${n}`;
    const { entries } = benchOptions({
      VARIANTS: `bare: ${table}.infra_container = "auto"; ${shims(2)}; ${shims(4)}; ${shims(16)}`,
    });
    expect(entries.map(modeOf)).toEqual(['usual', 'usual', 'bare', 'usual', 'shared', 'shared']);
  });

  it.each([
    [{ PARTS: 'pods lunch' }, 'PARTS: no part lunch'],
    [{ PODS: 'many' }, 'PODS: many is no whole number'],
    [{ PODS: '0' }, 'PODS: 0 is no whole number'],
    [{ VARIANTS: 'crisp: ' }, 'no name of its own'],
    [{ VARIANTS: 'infra_container = "auto"' }, 'no name of its own'],
    [{ VARIANTS: 'x: bundle = 1' }, 'bundle of x is no path'],
    [{ VARIANTS: 'x: node_flags = 1' }, 'node_flags of x are no text'],
  ])('refuse %j', (env, message) => expect(() => benchOptions(env as Record<string, string>)).toThrow(message));
});
