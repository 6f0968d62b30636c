import { runsOf } from '../../soak/plan';

const briefly = (env: NodeJS.ProcessEnv): string[] =>
  runsOf(env, 1).map(({ version, infra, seconds, pods }) => `${version} ${infra} ${seconds} s ${pods} pods`);

describe('The runs of a soak', () => {
  it('are both modes on both containerds, a minute each', () => {
    expect(briefly({})).toEqual(
      ['2 always', '2 auto', '1.6 always', '1.6 auto'].map((run) => `${run} 60 s Infinity pods`),
    );
  });

  it('share the minutes and the pods', () => {
    expect(briefly({ STAGE: '2.x', MINUTES: '2' })).toEqual([
      '2 always 60 s Infinity pods',
      '2 auto 60 s Infinity pods',
    ]);
    expect(briefly({ INFRA: 'auto', PODS: '5' })).toEqual(['2 auto Infinity s 3 pods', '1.6 auto Infinity s 3 pods']);
    expect(briefly({ STAGE: '1.6', INFRA: 'always', MINUTES: '0.5', PODS: '7' })).toEqual(['1.6 always 30 s 7 pods']);
  });

  it('end before crisp sweeps', () => {
    expect(briefly({ STAGE: '2.x', INFRA: 'auto', MINUTES: '120' })).toEqual(
      Array.from({ length: 3 }, () => '2 auto 2400 s Infinity pods'),
    );
  });

  it.each([{ STAGE: '2' }, { INFRA: 'never' }, { MINUTES: 'two' }, { PODS: '-1' }])('are refused for %j', (env) => {
    expect(() => runsOf(env, 1)).toThrow(/^(STAGE|INFRA|MINUTES|PODS) is /);
  });
});
