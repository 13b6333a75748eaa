import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, specOf } from '../../../../../tests/cluster/specs.ts';
import { driftOf, manifestDifferences } from './diff.ts';
import { endpointObjects, revisionObjects } from './plan.ts';

const planned = (change: Parameters<typeof specOf>[0]) => {
  const spec = specOf({ endpointId: '0196f0f0-0000-7000-8000-000000000001', ...change });
  return [...revisionObjects(spec, config).manifests, ...endpointObjects(spec, config)];
};
const model = specOf().model;
/** A Deployment as the API server answers it. */
interface Live extends Record<string, unknown> {
  spec: {
    replicas?: number;
    template: {
      spec: {
        containers: {
          image: string;
          resources: { requests: Record<string, string> };
          terminationMessagePath?: string;
          env: { name: string; value?: string }[];
        }[];
      };
    };
  };
}

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

test('EC-drift: defaults of the API server are no drift; a field edited by hand, a variable added and an object deleted are', () => {
  const [wanted] = planned({
    model,
    resources: { cpuRequest: '1000m', cpuLimit: '2', memoryRequest: '2048Mi', memoryLimit: '4Gi' },
  });
  const live = structuredClone(wanted) as unknown as Live;
  live.status = { replicas: 1 };
  live.spec.replicas = 3;
  const container = live.spec.template.spec.containers[0]!;
  container.resources.requests = { cpu: '1', memory: '2Gi', 'nvidia.com/gpu': '1' };
  container.terminationMessagePath = '/dev/termination-log';
  container.env = container.env.toReversed();
  assert.equal(driftOf(wanted!, live).state, 'same');
  container.image = 'somebody/else:1';
  container.env.push({ name: 'BY_HAND', value: '1' });
  const { state, differences } = driftOf(wanted!, live);
  assert.equal(state, 'differs');
  assert.deepEqual(differences.map(({ path, change }) => [path.slice(path.indexOf('containers')), change]).toSorted(), [
    ['containers[serving].env[BY_HAND]', 'added'],
    ['containers[serving].image', 'changed'],
  ]);
  assert.equal(driftOf(wanted!, null).state, 'missing');
});
