import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, specOf } from '../../../../../tests/cluster/specs.ts';
import { manifestDifferences } from './diff.ts';
import { endpointObjects, revisionObjects } from './plan.ts';

const planned = (change: Parameters<typeof specOf>[0]) => {
  const spec = specOf({ endpointId: '0196f0f0-0000-7000-8000-000000000001', ...change });
  return [...revisionObjects(spec, config).manifests, ...endpointObjects(spec, config)];
};
const model = specOf().model;

test('FR-012: two revisions that differ by their number and id alone have equal manifests', () => {
  assert.deepEqual(manifestDifferences(planned({ model, number: 1 }), planned({ model, number: 12 })), []);
});

test('FR-012: what differs is named by object and path; members of lists are found by their name, whatever their order', () => {
  const before = planned({ model, number: 1, env: { A: '1', B: '2' } });
  const after = planned({ model, number: 2, image: 'vllm/vllm-openai:v0.16.0', env: { B: '3', A: '1', C: '4' } });
  const found = manifestDifferences(before, after).filter(({ path }) => !path.includes('labels'));
  const of = (end: string) => found.find(({ path }) => path.endsWith(end));
  assert.deepEqual(
    [of('containers[serving].image')?.before, of('containers[serving].image')?.after],
    ['vllm/vllm-openai:v0.15.0', 'vllm/vllm-openai:v0.16.0'],
  );
  assert.equal(of('env[B].value')?.change, 'changed');
  assert.equal(of('env[C]')?.change, 'added');
  assert.equal(found.length, 3, JSON.stringify(found));
  const without = manifestDifferences(before, before.slice(1));
  assert.deepEqual(
    without.map(({ kind, path, change }) => [kind, path, change]),
    [['Deployment', '', 'removed']],
  );
});
