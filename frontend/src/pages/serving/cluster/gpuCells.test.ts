import type { ClusterNode } from '@llm-ops/contracts';
import { expect, test } from 'vitest';
import { gpuCells } from './gpuCells.ts';

const node = (
  name: string,
  gpuType: string | null,
  gpus: Partial<ClusterNode['gpus']>,
  schedulable = true,
): ClusterNode => ({
  name,
  ready: true,
  schedulable,
  reason: null,
  gpuType,
  gpuMemoryBytes: null,
  gpus: { capacity: 8, allocatable: 8, allocated: 0, ours: 0, free: 8, ...gpus },
  cpu: { allocatable: 64, allocated: 0 },
  memory: { allocatable: 1, allocated: 0 },
  pods: 0,
  version: 'v1.36.3',
  labels: {},
  createdAt: '2026-01-01T00:00:00.000Z',
});

test('FR-009: nodes with GPUs are cells, by the kind of GPU; who asked for them is told apart; nodes without GPUs are none', () => {
  const groups = gpuCells(
    [
      node('b', 'h100', { allocated: 4, ours: 2 }),
      node('a', 'a100', { allocated: 8, ours: 8 }, false),
      node('c', null, { allocated: 1 }),
      node('cpu', null, { capacity: 0, allocatable: 0, free: 0 }),
    ],
    ({ name }) => `about ${name}`,
  );
  expect(groups.map(({ type, allocated, gpus }) => [type, allocated, gpus])).toEqual([
    ['a100', 8, 8],
    ['h100', 4, 8],
    [null, 1, 8],
  ]);
  expect(groups[1]!.cells).toEqual([{ name: 'b', text: 'about b', ours: 0.25, others: 0.25, closed: false }]);
  expect(groups[0]!.cells[0]).toMatchObject({ ours: 1, others: 0, closed: true });
});

test('FR-009: more asked for than there is fills its cell and no more', () => {
  const [group] = gpuCells([node('a', 'x', { allocated: 12, ours: 10 })], () => '');
  expect(group!.cells[0]).toMatchObject({ ours: 1, others: 0.25 });
});
