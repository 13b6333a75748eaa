import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { approvedModel, startPlatform, type RunningPlatform } from '../journeys/harness.ts';
import { root } from './python.ts';

const route = '/llm-ops/v1/serve/team/chat-model';
let platform: RunningPlatform;

before(async () => {
  platform = await startPlatform();
  await approvedModel(platform.api, 'glossary-llama');
});
after(() => platform?.stop());

/** A command of examples/serving_client.py, as its reader types it. */
async function example(command: string): Promise<string> {
  const script = join(root, 'examples', 'serving_client.py');
  const options = ['--base-url', platform.api, '--route', route, '--max-wait', '90'];
  const { stdout } = await promisify(execFile)('python3', ['-B', script, command, ...options]);
  return stdout;
}

test('FR-006b: each command of examples/serving_client.py works on the platform: from an approved model to an answer', async () => {
  assert.match(
    await example('workflow'),
    /✓ Health: healthy, model glossary-llama 1[^]*immutable record[^]*✓ \d+ tokens/,
  );
  assert.match(await example('deploy'), /It is there already/);
  assert.match(await example('list'), new RegExp(`${route}  healthy  glossary-llama 1`));
  assert.match(await example('rollback'), /✓ Endpoint \S+ is rolling back/);
});
