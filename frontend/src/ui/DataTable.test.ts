import { ApiError } from '@llm-ops/sdk';
import { mount } from '@vue/test-utils';
import { beforeAll, describe, expect, it } from 'vitest';
import { createMemoryHistory, createRouter } from 'vue-router';
import { i18n, loadArea } from '../i18n.ts';
import DataTable from './DataTable.vue';

interface Row {
  id: string;
  name: string;
}
const rows: Row[] = Array.from({ length: 10_000 }, (_, index) => ({ id: String(index), name: `model-${index}` }));
const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)*', component: {} }] });
const stubs = {
  UIcon: true,
  USkeleton: true,
  UButton: { props: ['label'], template: '<button type="button">{{ label }}</button>' },
};

function show(props: { rows: Row[]; loading?: boolean; error?: unknown; hasMore?: boolean }) {
  const columns = [{ key: 'name', label: 'Name', value: (row: object) => (row as Row).name }];
  return mount(DataTable, {
    props: { caption: 'Models', columns, rowKey: (row: object) => (row as Row).id, ...props },
    global: { plugins: [i18n, router], stubs },
  });
}
beforeAll(() => loadArea('shell'));

describe('UI-1: a table', () => {
  it('keeps one page of ten thousand rows in the document and turns pages', async () => {
    const table = show({ rows });
    expect(table.findAll('tbody tr')).toHaveLength(50);
    expect(table.text()).toContain('Page 1 of 200');
    await table.get('[aria-label="Next page"]').trigger('click');
    expect(table.get('tbody tr').text()).toBe('model-50');
  });
  it('sorts by a column and says so to screen readers', async () => {
    const table = show({ rows: rows.slice(0, 20) });
    await table.get('thead button').trigger('click');
    await table.get('thead button').trigger('click');
    expect(table.get('th').attributes('aria-sort')).toBe('descending');
    expect(table.get('tbody tr').text()).toBe('model-19');
  });
  it('says that it loads, that it is empty, and why it fails', () => {
    expect(show({ rows: [], loading: true }).text()).toContain('Loading');
    expect(show({ rows: [] }).text()).toContain('Nothing here yet.');
    const error = new ApiError(503, 'The database does not answer.', {
      code: 'database_unavailable',
      remedy: 'Try again.',
    });
    const failing = show({ rows: [], error });
    expect(failing.get('[role=alert]').text()).toContain('The database does not answer.');
    expect(failing.get('[role=alert]').text()).toContain('Try again.');
  });
  it("offers the server's next page", async () => {
    const table = show({ rows: rows.slice(0, 3), hasMore: true });
    await table.findAll('button').at(-1)?.trigger('click');
    expect(table.emitted('more')).toHaveLength(1);
  });
});
