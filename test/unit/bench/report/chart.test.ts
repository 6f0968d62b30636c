import { ratioChart } from '../../../bench/report/chart';
import { METRICS } from '../../../bench/report/metrics';
import type { Row } from '../../../bench/report/results';

const columns = [
  { name: 'plugin', mode: 'usual' as const },
  { name: 'crisp', mode: 'usual' as const },
];

function row(id: string, ratio: number | undefined): Row {
  const metric = METRICS.find((one) => one.id === id);
  if (!metric) throw new Error(`no metric ${id}`);
  const some = { count: 1, median: 1, p99: 1 };
  return {
    metric,
    values: [
      { contestant: 'plugin', ...some },
      { contestant: 'crisp', ...some, ratio },
    ],
  };
}

/** Widths of the bars: what is filled with the first colour, after its square in the legend. */
function bars(svg: string): number[] {
  const widths = [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"[^>]*fill="#2f6f9f"/g)].map((m) =>
    Number(m[1]),
  );
  return widths.slice(1);
}

describe('the picture', () => {
  it('has a bar as long as the ratio, a dashed line at the plugin’s one and a mark at the goal', () => {
    const svg = ratioChart([row('pods.run', 0.5), row('memory.total', 1)], columns, 'v2.9.9');
    const [half = 0, one = 0] = bars(svg);
    expect(one).toBeCloseTo(2 * half);
    expect(svg).toContain(`<line x1="${330 + one}" `);
    expect(svg).toContain(`<line x1="${(330 + one * 0.75).toFixed(1)}" `);
    expect(svg).toContain('>RunPodSandbox</text>');
  });

  it('draws a rate as the time for the same amount', () => {
    const [twice = 0, half = 0] = bars(ratioChart([row('logs.rate', 2), row('pods.run', 0.5)], columns, 'v2.9.9'));
    expect(twice).toBe(half);
  });

  it('cuts a bar off that is very long, with its number beside it', () => {
    const svg = ratioChart([row('pods.run', 9), row('memory.total', 2)], columns, 'v2.9.9');
    const [nine, two] = bars(svg);
    expect(nine).toBe(two);
    expect(svg).toContain('>9.00</text>');
  });

  it('leaves out what has no goal beside the plugin or no value', () => {
    const svg = ratioChart(
      [row('pods.create', 0.5), row('density.listPods', 0.5), row('pods.run', undefined)],
      columns,
      'v2.9.9',
    );
    expect(bars(svg)).toEqual([]);
  });

  it('says which containerd the plugin is of', () =>
    expect(ratioChart([row('pods.run', 0.5)], columns, 'v2.9.9')).toContain(
      '>What crisp takes beside the CRI of containerd v2.9.9 (= 1); shorter is better</text>',
    ));

  it('escapes what a contestant is called', () =>
    expect(ratioChart([], [...columns.slice(0, 1), { name: '<&', mode: 'usual' as const }], '')).toContain(
      '>&lt;&amp;</text>',
    ));
});
