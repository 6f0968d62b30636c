import { METRICS } from '../../../bench/report/metrics';
import { type Column, resultsOf } from '../../../bench/report/results';
import { resultTable, rounded } from '../../../bench/report/table';
import { Samples } from '../../../bench/samples';

const columns: Column[] = [
  { name: 'plugin', mode: 'usual' },
  { name: 'crisp', mode: 'usual' },
  { name: 'bare', mode: 'bare' },
];

function samplesOf(values: Record<string, [number[], number[], number[]]>): Samples {
  const samples = new Samples();
  for (const [metric, lists] of Object.entries(values))
    for (const [i, list] of lists.entries())
      for (const value of list) samples.add(metric, columns[i]?.name ?? '', value);
  return samples;
}

describe('the metrics', () => {
  it('have ids of their own', () => {
    const ids = METRICS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the results', () => {
  it('have medians, ratios, and whether the goal of each kind of pod is met', () => {
    const rows = resultsOf(
      samplesOf({
        'pods.run': [
          [100, 300, 200],
          [120, 140, 160],
          [120, 120],
        ],
      }),
      columns,
    );
    expect(rows.map(({ metric, values }) => [metric.id, values])).toEqual([
      [
        'pods.run',
        [
          { contestant: 'plugin', count: 3, median: 200, p99: expect.closeTo(298) },
          { contestant: 'crisp', count: 3, median: 140, p99: expect.closeTo(159.6), ratio: 0.7, met: true },
          { contestant: 'bare', count: 2, median: 120, p99: 120, ratio: 0.6, met: false },
        ],
      ],
    ]);
  });

  it.each([
    ['a rate that is too low', 'streams.exec.spdy', [[100], [69], [70]], [false, true]],
    ['a bound of its own, whatever the plugin takes', 'density.listPods', [[1], [2], [2.1]], [true, false]],
    ['no goal', 'pods.create', [[1], [9], [9]], [undefined, undefined]],
    ['nothing to compare with', 'pods.run', [[], [9], [9]], [undefined, undefined]],
    ['nothing measured', 'pods.run', [[9], [], [4]], [undefined, true]],
  ] as const)('judge %s', (_, metric, [plugin, crisp, bare], met) => {
    const samples = samplesOf({ [metric]: [[...plugin], [...crisp], [...bare]] });
    expect(
      resultsOf(samples, columns)[0]
        ?.values.slice(1)
        .map((value) => value.met),
    ).toEqual(met);
  });

  it('are in the order of the report, without what was not measured', () => {
    const rows = resultsOf(
      samplesOf({ 'memory.total': [[1], [1], [1]], 'pods.run': [[1], [1], [1]], other: [[1], [], []] }),
      columns,
    );
    expect(rows.map(({ metric }) => metric.id)).toEqual(['pods.run', 'memory.total']);
  });
});

describe('the table', () => {
  it('has a line per metric, a percentile where there are enough values, and what each was asked for', () => {
    const many = Array.from({ length: 10 }, () => 100);
    const samples = samplesOf({ 'pods.run': [many, many.map((ms) => ms / 2), [60]], 'pods.create': [[10], [5], []] });
    expect(resultTable(resultsOf(samples, columns), columns).split('\n')).toEqual([
      '|  | plugin | p99 | crisp | p99 | ratio | goal | met | bare | p99 | ratio | goal | met |',
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
      '| RunPodSandbox (ms) | 100 | 100 | 50.0 | 50.0 | 0.50 | ≤ 0.75 × | yes | 60.0 |  | 0.60 | ≤ 0.55 × | **no** |',
      '| CreateContainer (ms) | 10.0 |  | 5.00 |  | 0.50 |  |  |  |  |  |  |  |',
    ]);
  });

  it.each([
    [0, '0.00'],
    [0.1234, '0.12'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [12345.6, '12346'],
    [Number.NaN, ''],
  ])('writes %d as "%s"', (value, text) => expect(rounded(value)).toBe(text));
});
