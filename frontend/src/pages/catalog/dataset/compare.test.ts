import type { DatasetComparison } from '@llm-ops/contracts';
import { mount } from '@vue/test-utils';
import { beforeAll, describe, expect, it } from 'vitest';
import { createMemoryHistory, createRouter } from 'vue-router';
import { i18n, loadArea, setLocale } from '../../../i18n.ts';
import BeforeAfterChart from '../../../ui/BeforeAfterChart.vue';
import DiffView from '../../../ui/DiffView.vue';
import DistributionList from './DistributionList.vue';
import PageTurner from './PageTurner.vue';
import RowChange from './RowChange.vue';
import SchemaChanges from './SchemaChanges.vue';

const stubs = {
  UIcon: true,
  USkeleton: true,
  USelect: true,
  UBadge: { props: ['label'], template: '<span>{{ label }}<slot /></span>' },
  UButton: {
    props: ['label', 'disabled'],
    template: '<button type="button" :disabled="disabled">{{ label }}</button>',
  },
};
const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)*', component: {} }] });
const global = { plugins: [i18n, router], stubs };
beforeAll(async () => {
  await Promise.all([loadArea('catalog'), loadArea('datasets')]);
  await setLocale('en');
});

type Row = DatasetComparison['rows'][number];
const show = (change: Omit<Row, 'cells_changed'>, more: { columns?: number; cells_changed?: number } = {}) => {
  const { columns = null, cells_changed = change.cells.length } = more;
  const props = { change: { ...change, cells_changed }, columns, beforeLabel: '1', afterLabel: '2' };
  return mount(RowChange, { props, global });
};

describe('FR-003-cmp: rows that differ', () => {
  it('of a changed row the changed cells, before and after, with its key', () => {
    const row = show({
      change: 'modified',
      key: { id: 4 },
      before: { id: 4, label: 'ham', note: null, score: 1 },
      after: { id: 4, label: 'spam', note: '', score: 1 },
      cells: ['label', 'note'],
    });
    expect(row.text()).toContain('id = 4');
    expect(row.findAll('del').map((cell) => cell.text())).toEqual(['Before: ham', 'Before: null']);
    expect(row.findAll('ins').map((cell) => cell.text())).toEqual(['After: spam', 'After: blank']);
    expect(row.text()).toContain('2 more cells are the same');
  });
  it('of very many that changed some, and how many there are', () => {
    const told = { change: 'modified', key: null, before: { a: 1 }, after: { a: 2 }, cells: ['a'] } as const;
    const row = show({ ...told, cells: [...told.cells] }, { columns: 20_000, cells_changed: 1_500 });
    expect(row.text()).toContain('1 of 1,500 cells that differ');
    expect(row.text()).toContain('18,500 more cells are the same');
  });
  it('long texts side by side, with what changed in them', () => {
    const text = 'A long answer. '.repeat(20);
    const row = show({
      change: 'modified',
      key: null,
      before: { text },
      after: { text: `${text}With an end.` },
      cells: ['text'],
    });
    expect(row.findComponent(DiffView).props()).toMatchObject({ before: text, afterLabel: '2' });
    expect(row.find('del').exists()).toBe(false);
  });
  it('of an added one all of it, the rest of very many cells on demand', async () => {
    const after = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`c${index}`, index]));
    const row = show({ change: 'added', key: null, before: null, after, cells: [] });
    expect(row.findAll('dt')).toHaveLength(8);
    await row.get('button').trigger('click');
    expect(row.findAll('dt')).toHaveLength(40);
  });
});

describe('FR-003-cmp: columns that differ', () => {
  it('came, went, or are of another type', () => {
    const column = (name: string, type: 'string' | 'integer') => ({ name, type, nullable: false });
    const schema = {
      added: [column('new', 'string')],
      removed: [column('old', 'string')],
      changed: [{ name: 'id', before: column('id', 'string'), after: { ...column('id', 'integer'), nullable: true } }],
    };
    const text = (of: DatasetComparison['schema'], counts: { added: number; removed: number; changed: number }) =>
      mount(SchemaChanges, { props: { schema: of, counts, beforeLabel: '1', afterLabel: '2' }, global }).text();
    expect(text(schema, { added: 1, removed: 1, changed: 1 })).toMatch(
      /new.*added.*text[\s\S]*old.*removed[\s\S]*id.*changed.*text.*integer · nullable/,
    );
    const none = { added: [], removed: [], changed: [] };
    expect(text(none, { added: 0, removed: 0, changed: 0 })).toBe('The columns are the same.');
    expect(text(schema, { added: 7_000, removed: 1, changed: 1 })).toContain('3 of 7,002 columns that differ');
    expect(text(none, { added: 150, removed: 0, changed: 0 })).toBe('0 of 150 columns that differ');
  });
});

describe('FR-003-cmp: distributions before and after', () => {
  const counts = (...pairs: [string, number][]) => pairs.map(([label, count]) => ({ label, count }));
  it('are shares, so that few rows and many can be compared; everything is in a table', () => {
    const chart = mount(BeforeAfterChart, {
      props: {
        title: 'label',
        before: counts(['a', 1], ['b', 3]),
        after: counts(['b', 300], ['c', 100]),
        beforeLabel: '1',
        afterLabel: '2',
      },
      global,
    });
    const heights = chart.findAll('rect').map((bar) => Math.round(Number(bar.attributes('height'))));
    expect(heights).toEqual([24, 0, 72, 72, 0, 24]);
    expect(chart.findAll('tbody tr').map((line) => line.text().replaceAll('\u00a0', ' '))).toEqual([
      'a1 · 25 %0 · 0 %',
      'b3 · 75 %300 · 75 %',
      'c0 · 0 %100 · 25 %',
    ]);
  });
  it('nothing at all breaks nothing', () => {
    const props = { title: 'x', before: [], after: [], beforeLabel: '1', afterLabel: '2' };
    expect(mount(BeforeAfterChart, { props, global }).html()).not.toMatch(/NaN|Infinity/);
  });
  it('what changed for sure comes first, with the statistic and how sure it is', () => {
    const change = (column: string, statistic: number, p: number | null) => ({
      column,
      test: 'ks' as const,
      statistic,
      p_value: p,
      before: counts(['a', 1]),
      after: counts(['a', 1]),
    });
    const changes = [change('chance', 0.9, 0.2), change('sure', 0.3, 0.00000001), change('unknown', 0.5, null)];
    const list = mount(DistributionList, { props: { changes, beforeLabel: '1', afterLabel: '2' }, global });
    expect(list.findAll('figcaption').map((title) => title.get('.font-mono').text())).toEqual([
      'sure',
      'chance',
      'unknown',
    ]);
    expect(list.text()).toMatch(/changed\s*Kolmogorov–Smirnov 0\.3\s*p < 0\.0001/);
  });
});

describe('FR-003b: pages of rows', () => {
  const turner = (offset: number, total: number) => mount(PageTurner, { props: { offset, limit: 50, total }, global });
  it('say which rows are seen, and lead to the first, the last and those beside', async () => {
    const pages = turner(100, 1234);
    expect(pages.text()).toContain('Rows 101–150 of 1,234');
    for (const button of pages.findAll('button')) await button.trigger('click');
    expect(pages.emitted('turn')).toEqual([[0], [50], [150], [1200]]);
  });
  it('at an end there is nowhere to go', () => {
    const states = (offset: number, total: number) =>
      turner(offset, total)
        .findAll('button')
        .map((button) => button.attributes('disabled') !== undefined);
    expect(states(0, 50)).toEqual([true, true, true, true]);
    expect(states(0, 51)).toEqual([true, true, false, false]);
    expect(states(50, 100)).toEqual([false, false, true, true]);
  });
});
