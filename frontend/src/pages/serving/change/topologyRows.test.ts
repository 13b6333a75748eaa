import type { Topology } from '@llm-ops/contracts';
import { describe, expect, it } from 'vitest';
import { countOf, groupsOf, textOf } from './topologyRows.ts';

const row = (
  field: string,
  values: unknown[],
  wanted: unknown,
  marks: [boolean, boolean],
): Topology['rows'][number] => ({
  group: 'resources',
  field,
  values: { dev: values[0], stg: values[1], prod: values[2] },
  wanted,
  differs: marks[0],
  changes: marks[1],
});
const topology: Topology = {
  environments: [],
  target: 'prod',
  isNew: false,
  rows: [row('gpuCount', [1, null, 2], 4, [true, true]), row('cpuLimit', ['2', null, '2'], '2', [false, false])],
};

describe('FR-012: the environments of a change beside each other', () => {
  it('show what differs or changes, in the cell of the change what it was and what it will be', () => {
    const [group] = groupsOf(topology, false);
    expect(group?.rows.map(({ field }) => field)).toEqual(['gpuCount']);
    expect(group?.rows[0]?.cells).toEqual([
      { environment: 'dev', text: '1', before: null },
      { environment: 'stg', text: '—', before: null },
      { environment: 'prod', text: '4', before: '2' },
    ]);
    expect(groupsOf(topology, true)[0]?.rows.length).toBe(2);
    expect(countOf(topology)).toEqual({ differs: 1, changes: 1 });
  });
  it('have nothing to compare with where nothing is yet', () => {
    const [group] = groupsOf({ ...topology, isNew: true }, false);
    expect(group?.rows[0]?.cells[2]).toEqual({ environment: 'prod', text: '4', before: null });
  });
  it('are told as people read them', () => {
    expect(textOf([{ type: 'h100', nodes: 2 }])).toBe('type: h100, nodes: 2');
    expect([textOf([]), textOf({}), textOf(null), textOf(false)]).toEqual(['—', '—', '—', 'false']);
    expect(textOf({ path: '/health', hidden: null })).toBe('path: /health');
  });
});
