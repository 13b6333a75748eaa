import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '#platform/config';
import { datasetsConfig } from './settings.ts';

const configOf = (environment: Record<string, string>) =>
  datasetsConfig(loadConfig(environment, '/nowhere').settings, { dataDir: '/data', fourEyes: true });

test('FR-003c: weights of the quality score are as configured, 20 each where nothing is said', () => {
  assert.deepEqual(new Set(Object.values(configOf({}).weights)), new Set([20]));
  const { weights } = configOf({ DATASET_QUALITY_WEIGHTS: ' missing_values = 50, format=0,duplicates=12.5' });
  assert.deepEqual(weights, {
    missing_values: 50,
    duplicates: 12.5,
    distribution: 20,
    schema_compliance: 20,
    format: 0,
  });
  for (const text of ['missing=1', 'format', 'format=101', 'format=-1', 'format=1;duplicates=2', 'constructor=1']) {
    assert.throws(
      () => configOf({ DATASET_QUALITY_WEIGHTS: text }),
      { code: 'configuration_invalid', message: /missing_values, duplicates/ },
      text,
    );
  }
  const none = 'missing_values=0,duplicates=0,distribution=0,schema_compliance=0,format=0';
  assert.throws(() => configOf({ DATASET_QUALITY_WEIGHTS: none }), { code: 'configuration_invalid' });
});

test('FR-003: threshold, time and folder are as configured', () => {
  const config = configOf({ DATASET_QUALITY_THRESHOLD: '85.5', DATASET_TIMEOUT_SECONDS: '60' });
  assert.equal(`${config.threshold} ${config.timeoutMs} ${config.workDir}`, '85.5 60000 /data/datasets');
});
