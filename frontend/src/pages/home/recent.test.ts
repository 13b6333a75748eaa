import { expect, it } from 'vitest';
import { recentOf } from './recent.ts';

const model = (name: string, by: string, day: number) => ({
  id: name,
  name,
  version: '1',
  status: 'draft' as const,
  created_by: by,
  updated_at: `2026-01-0${day}T00:00:00Z`,
});
const endpoint = {
  id: 'e',
  route: '/a',
  environment: 'dev' as const,
  status: 'healthy' as const,
  createdBy: 'ada',
  updatedAt: '2026-01-03T00:00:00Z',
};
const found = {
  models: [model('old', 'ada', 1), model('other', 'bob', 9)],
  datasets: [model('rows', 'ada', 5)],
  endpoints: [endpoint],
};

it('UI-1: whoever comes back finds what they made, the last changed first', () => {
  const { own, entries } = recentOf(found, 'ada');
  expect(own).toBe(true);
  expect(entries.map(({ kind, to }) => [kind, to])).toEqual([
    ['dataset', '/catalog/datasets/rows'],
    ['endpoint', '/serving/endpoints/e'],
    ['model', '/catalog/models/old'],
  ]);
});
it('UI-1: who made nothing finds what is new, and never more than fits', () => {
  const many = Array.from({ length: 9 }, (_, at) => model(`m${at}`, 'bob', at + 1));
  const { own, entries } = recentOf({ ...found, models: many }, 'vera');
  expect([own, entries.length, entries[0]?.name]).toEqual([false, 6, 'm8']);
});
