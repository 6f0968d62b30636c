import { MetricsRegistry } from '../../../src/observability/metrics-registry';

describe('MetricsRegistry', () => {
  it('renders nothing when nothing was counted', () => {
    expect(new MetricsRegistry().render()).toBe('');
  });

  it('renders counters sorted by name, with help and escaped labels', () => {
    const metrics = new MetricsRegistry({ b_total: 'How often\nb.' });
    metrics.count('b_total', { method: 'Run', code: 'OK' });
    metrics.count('b_total', { code: 'OK', method: 'Run' }, 2);
    metrics.count('b_total', { code: 'a"b\\c\nd' });
    metrics.count('a_total');
    expect(metrics.render()).toBe(
      [
        '# TYPE a_total counter',
        'a_total 1',
        '# HELP b_total How often\\nb.',
        '# TYPE b_total counter',
        'b_total{code="OK",method="Run"} 3',
        'b_total{code="a\\"b\\\\c\\nd"} 1',
        '',
      ].join('\n'),
    );
  });

  it('renders durations as cumulative histograms, a bound belonging to its bucket', () => {
    const metrics = new MetricsRegistry();
    metrics.time('call_seconds', 0.001, { method: 'List' });
    metrics.time('call_seconds', 0.25, { method: 'List' });
    metrics.time('call_seconds', 999, { method: 'List' });
    const lines = metrics.render().split('\n');
    expect(lines[0]).toBe('# TYPE call_seconds histogram');
    expect(lines).toContain('call_seconds_bucket{method="List",le="0.001"} 1');
    expect(lines).toContain('call_seconds_bucket{method="List",le="0.1"} 1');
    expect(lines).toContain('call_seconds_bucket{method="List",le="0.25"} 2');
    expect(lines).toContain('call_seconds_bucket{method="List",le="300"} 2');
    expect(lines).toContain('call_seconds_bucket{method="List",le="+Inf"} 3');
    expect(lines).toContain('call_seconds_sum{method="List"} 999.251');
    expect(lines).toContain('call_seconds_count{method="List"} 3');
  });

  it('renders a histogram without labels', () => {
    const metrics = new MetricsRegistry();
    metrics.time('x_seconds', 2);
    expect(metrics.render()).toContain('x_seconds_bucket{le="2.5"} 1\n');
    expect(metrics.render()).toContain('x_seconds_sum 2\nx_seconds_count 1\n');
  });

  it('reads a gauge when it is rendered', () => {
    let open = 1;
    const metrics = new MetricsRegistry();
    metrics.gauge('open_fifos', () => open);
    open = 5;
    expect(metrics.render()).toBe('# TYPE open_fifos gauge\nopen_fifos 5\n');
  });

  it('stops taking new series of one metric after a thousand, and counts what it dropped', () => {
    const metrics = new MetricsRegistry();
    for (let n = 0; n < 1003; n++) metrics.count('images_total', { image: `i${n}` });
    metrics.count('images_total', { image: 'i0' });
    const text = metrics.render();
    expect(text).toContain('crisp_metrics_dropped_total 3\n');
    expect(text).toContain('images_total{image="i0"} 2\n');
    expect(text).not.toContain('i1002');
  });
});
