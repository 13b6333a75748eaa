import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concealer, exportedManifests, shownManifests, shownValue, withoutSecrets } from './redact.ts';

const spec = {
  env: { HF_TOKEN: 'hf-canary-0001', GREETING: 'hello' },
  args: ['--api-key', 'canary-0002', '--hf-token=canary-0003', '--max-num-batched-tokens', '8192'],
};
const known = ['store-canary-0004'];
const manifests = [
  {
    kind: 'Deployment',
    spec: {
      containers: [
        {
          args: ['--port', '8000', ...spec.args],
          env: [
            { name: 'HF_TOKEN', value: 'hf-canary-0001' },
            { name: 'GREETING', value: 'hello' },
            { name: 'HF_HOME', value: '/tmp/hf_cache' },
            { name: 'AWS_ACCESS_KEY_ID', valueFrom: { secretKeyRef: { name: 'store', key: 'AWS_ACCESS_KEY_ID' } } },
          ],
        },
      ],
    },
  },
  { kind: 'LocalEngine', env: { HF_TOKEN: 'hf-canary-0001', ENGINE_CONTEXT: '2048' } },
];

test('FR-006h: lines of a log lose the secrets of their revision, those of the platform, and what looks like a key; the rest stays', () => {
  const conceal = concealer(spec, known);
  const line =
    "args: {'api_key': ['canary-0002'], 'hf_token': 'canary-0003', 'max_tokens': 8192} HF_TOKEN=hf-canary-0001 store-canary-0004";
  assert.equal(
    conceal(line),
    "args: {'api_key': ['[redacted]'], 'hf_token': '[redacted]', 'max_tokens': 8192} HF_TOKEN=[redacted] [redacted]",
  );
  assert.equal(conceal('Authorization: Bearer abcdefgh1234'), 'Authorization: Bearer [redacted]');
  assert.equal(conceal('s3://user:pass1234@store/x hf_abcdefghijklmnop'), 's3://user:[redacted]@store/x [redacted]');
  const plain =
    'INFO 12:00:01 GREETING hello tokens/s: 31.4 sk- /v1/chat/completions 200 OK http://10.0.0.1:8000/health';
  assert.equal(conceal(plain), plain);
});

test('FR-012: manifests show digests of given variables and no secret argument; exported ones refer to a Secret', () => {
  const shown = JSON.stringify(shownManifests(manifests, spec, known));
  const exported = JSON.stringify(exportedManifests(manifests, spec, known, 'support-env'));
  for (const canary of ['hf-canary-0001', 'canary-0002', 'canary-0003']) {
    assert.ok(!shown.includes(canary), canary);
    assert.ok(!exported.includes(canary), canary);
  }
  assert.match(shown, /\{"name":"GREETING","value":"sha256:[0-9a-f]{8}"\}/);
  assert.ok(shown.includes('"ENGINE_CONTEXT":"2048"'));
  for (const kept of ['"value":"/tmp/hf_cache"', '"8192"', '"name":"store"']) assert.ok(exported.includes(kept), kept);
  assert.ok(
    exported.includes('{"name":"GREETING","valueFrom":{"secretKeyRef":{"name":"support-env","key":"GREETING"}}}'),
  );
});

test('EC-drift: variables that are found in a cluster are shown as digests, whoever set them', () => {
  const conceal = concealer(spec, known);
  assert.match(String(shownValue('spec.containers[serving].env[X].value', 'by-hand', conceal)), /^sha256:/);
  assert.match(JSON.stringify(shownValue('c.env[X]', { name: 'X', value: 'by-hand' }, conceal)), /"value":"sha256:/);
  assert.equal(shownValue('spec.containers[serving].image', 'vllm:1', conceal), 'vllm:1');
  assert.equal(shownValue('c.env[X]', null, conceal), null);
});

test('EC-drift: a difference in variables shows digests of their values, one in arguments none that is a secret', () => {
  const args = withoutSecrets({ path: 'args', before: ['--api-key', 'canary-0002'], after: ['--seed', '7'] });
  assert.deepEqual(
    [args.before, args.after],
    [
      ['--api-key', '[redacted]'],
      ['--seed', '7'],
    ],
  );
  const env = withoutSecrets({ path: 'env', before: { A: 'canary-0001' }, after: { A: 'canary-0001', B: 'x' } });
  assert.doesNotMatch(JSON.stringify(env), /canary/);
  assert.deepEqual(Object.keys(env.after), ['A', 'B']);
});
