import { growing, MEASURES, slope, Trend } from '../../soak/trend';

/** All measures have this value. */
const all = (value: number) =>
  Object.fromEntries(MEASURES.map((name) => [name, value])) as Record<(typeof MEASURES)[number], number>;

/** A sample for each second, in which so many pods have lived. */
function trendOf(values: readonly number[], pods = 20): Trend {
  const trend = new Trend();
  values.forEach((value, i) => void trend.add({ atMs: i * 1000, pods: i * pods, measures: all(value) }));
  return trend;
}

describe('The trend of a measure', () => {
  it('is told in six slices, by what is half-way in each', () => {
    const slices = trendOf([9, 1, 5, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6]).slices();
    expect(slices.map(({ medians }) => medians['crisp MB'])).toEqual([5, 2, 3, 4, 5, 6]);
    expect(slices.at(-1)).toMatchObject({ untilMs: 18_000, pods: 360 });
  });

  it('is what is added with 1,000 pods once all is warm', () => {
    // The first slice is far above the line.
    const values = Array.from({ length: 60 }, (_, i) => (i < 9 ? 100 : 10 + i * 0.04));
    expect(trendOf(values).perThousand()['crisp descriptors']).toBeCloseTo(2);
    expect(trendOf(Array.from({ length: 60 }, () => 7)).perThousand()['crisp MB']).toBeCloseTo(0);
  });

  it('is judged once enough pods have lived', () => {
    const rising = Array.from({ length: 60 }, (_, i) => 10 + i);
    expect(growing(trendOf(rising, 50))).toContain('crisp threads: 20.0 with every 1,000 pods');
    expect(growing(trendOf(rising, 20))).toEqual([]);
    expect(
      growing(
        trendOf(
          Array.from({ length: 60 }, () => 7),
          50,
        ),
      ),
    ).toEqual([]);
  });

  it('is not known of too few pods', () => {
    expect(
      trendOf(
        Array.from({ length: 60 }, () => 7),
        5,
      ).perThousand()['crisp MB'],
    ).toBeNaN();
    expect(trendOf([]).slices()).toEqual([]);
    expect(trendOf([1]).perThousand()['crisp MB']).toBeNaN();
  });
});

describe('The slope of points', () => {
  it('is that of the line nearest to them', () => {
    expect(
      slope([
        [0, 0],
        [1, 3],
        [2, 3],
        [3, 6],
      ]),
    ).toBeCloseTo(1.8);
    expect(
      slope([
        [1, 1],
        [1, 2],
      ]),
    ).toBeNaN();
  });
});
