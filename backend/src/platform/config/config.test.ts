import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { isFailure } from '#platform/errors';
import { envExample, loadConfig, setupGuide } from './index.ts';

const folders: string[] = [];
after(() => {
  for (const made of folders) rmSync(made, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'llm-ops-config-'));
  folders.push(made);
  return made;
}

test('FR-006g-env: environment, then .env, then backend/.env; names in any case; empty means unset', () => {
  const directory = folder();
  mkdirSync(path.join(directory, 'backend'));
  writeFileSync(path.join(directory, '.env'), 'port=9001\nUSE_GPU=\nserving_cpu_limit=3\n');
  writeFileSync(path.join(directory, 'backend/.env'), 'PORT=9002\nuse_gpu=false\nLOG_LEVEL=debug\n');
  const config = loadConfig({ Log_Level: 'warn', HOST: '' }, directory);
  assert.equal(config.settings.PORT, 9001);
  assert.equal(config.settings.USE_GPU, false, 'the empty one of .env does not hide that of backend/.env');
  assert.equal(config.settings.LOG_LEVEL, 'warn');
  assert.equal(config.settings.HOST, '127.0.0.1');
  assert.equal(config.settings.SERVING_CPU_LIMIT, '3');
  assert.deepEqual(
    [config.sourceOf('PORT'), config.sourceOf('USE_GPU'), config.sourceOf('HOST')],
    ['.env', 'backend/.env', 'default'],
  );
});

test('FR-006g-env: a bad value stops the start with the name, its shape and the fix, never the secret', () => {
  const bad = {
    USE_GPU: 'True',
    PORT: 'eighty',
    DATABASE_URL: 'mysql://u:hunter2@h/d',
    SERVING_CPU_LIMIT: 'two',
    OIDC_GROUP_MAP: '[1]',
  };
  assert.throws(
    () => loadConfig(bad, folder()),
    (error) => {
      assert.ok(isFailure(error, 'configuration_invalid'));
      assert.deepEqual(error.issues?.map((issue) => issue.path).toSorted(), Object.keys(bad).toSorted());
      assert.match(error.message, /USE_GPU: Write true or false in lower case\. Given: "True"/);
      assert.match(error.message, /DATABASE_URL: .*Given: a text of 21 characters/);
      assert.ok(!error.message.includes('hunter2'));
      return true;
    },
  );
});

test('FR-006g-env: secrets are masked, and every option is in env.example and ENV_SETUP.md', () => {
  const config = loadConfig({ SECRETS_KEY: 'k'.repeat(44) }, folder());
  const described = config.describe();
  assert.equal(described.find((setting) => setting.name === 'SECRETS_KEY')?.value, '••••••••');
  assert.ok(!JSON.stringify(described).includes('kkkk'));
  for (const { name } of described) {
    assert.match(envExample(), new RegExp(`^# ${name}=`, 'm'));
    assert.match(setupGuide(), new RegExp(`\\| \`${name}\` \\|`));
  }
});

test('FR-006g-env: env.example as it is, uncommented, is a valid configuration', () => {
  const directory = folder();
  const text = envExample().replace(/^# ([A-Z_]+=)/gm, '$1');
  writeFileSync(path.join(directory, '.env'), text);
  assert.equal(loadConfig({}, directory).settings.PORT, 8000);
});
