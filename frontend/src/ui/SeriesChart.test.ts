import { mount } from '@vue/test-utils';
import { beforeAll, describe, expect, it } from 'vitest';
import { i18n, loadArea, setLocale } from '../i18n.ts';
import SeriesChart, { type Series } from './SeriesChart.vue';

const show = (kind: 'bars' | 'lines', times: number[], series: Series[]) =>
  mount(SeriesChart, {
    props: {
      title: 'Latency',
      kind,
      times,
      step: 10,
      from: 0,
      until: 100,
      series,
      format: (value: number) => `${value} ms`,
    },
    global: { plugins: [i18n] },
  });
const one = (values: (number | null)[]): Series[] => [{ name: 'p50', colour: 'text-primary', values }];
beforeAll(async () => {
  await loadArea('shell');
  await setLocale('en');
});

describe('FR-009: a series over time', () => {
  it('says in words what it shows, and everything in a table on demand', async () => {
    const chart = show('lines', [0, 10], one([5, 20]));
    expect(chart.get('[role=img]').attributes('aria-label')).toMatch(/^Latency, .*highest 20 ms$/);
    expect(chart.find('table').exists()).toBe(false);
    (chart.get('details').element as HTMLDetailsElement).open = true;
    await chart.get('details').trigger('toggle');
    expect(chart.findAll('tbody td').map((cell) => cell.text())).toEqual(['5 ms', '20 ms']);
  });
  it('a line breaks where nothing is known and where steps are missing', () => {
    const path =
      show('lines', [0, 10, 20, 30, 60], one([1, 2, null, 4, 5]))
        .get('path')
        .attributes('d') ?? '';
    expect(path.match(/M/g)).toHaveLength(3);
    expect(path.match(/L/g)).toHaveLength(1);
    expect(path.match(/h/g), 'what stands alone is a dash').toHaveLength(2);
  });
  it('bars stand on each other and never leave the chart', () => {
    const chart = show('bars', [0, 90], [...one([3, 1]), { name: 'failed', colour: 'text-error', values: [1, null] }]);
    const paths = chart.findAll('path').map((path) => path.attributes('d') ?? '');
    expect(paths.map((path) => path.match(/M/g)?.length)).toEqual([2, 1]);
    const heights = paths
      .join('')
      .match(/V-?[\d.]+/g)!
      .map((text) => Number(text.slice(1)));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...heights)).toBeLessThanOrEqual(120);
  });
  it.each([[[]], [[0]]])('nothing but %j breaks nothing', (times) => {
    const chart = show('bars', times, one(times.map(() => 0)));
    expect(chart.get('path').attributes('d')).toBe('');
    expect(chart.html()).not.toMatch(/NaN|Infinity/);
  });
});
