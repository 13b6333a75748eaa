import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers } from '../../../adapters/provider/index.ts';
import { failure } from '#platform/errors';
import { refusalOf, rememberedOf, statusOfRefusal, toldByEngine } from './failures.ts';

test("FR-006l, REL: what an engine calls its own failure is the request's mistake where it says so, and for no other engine", () => {
  const said = (error: string): Buffer => Buffer.from(JSON.stringify({ error }));
  const { ollama, openai } = providers;
  const schema = said('invalid JSON schema in format');
  assert.equal(statusOfRefusal(500, schema, ollama.mistakes), 400);
  assert.equal(statusOfRefusal(500, said('llama runner process has terminated'), ollama.mistakes), 500);
  assert.equal(statusOfRefusal(500, said('it said: invalid JSON schema in format'), ollama.mistakes), 500);
  assert.equal(statusOfRefusal(404, schema, ollama.mistakes), 404);
  assert.equal(statusOfRefusal(500, schema, openai.mistakes), 500);
});

test('FR-009: the request log remembers why, and an engine’s own words only where what was asked is kept', () => {
  const destination = {
    target: { modelName: 'm' },
    address: { provider: 'openai', headers: {} },
  } as unknown as Parameters<typeof refusalOf>[1];
  const answer = (status: number) => ({
    status,
    body: Buffer.from(JSON.stringify({ error: { message: 'cannot answer "my secret question"' } })),
    retryAfter: null,
  });
  for (const status of [400, 429, 500, 503]) {
    for (const face of ['openai', 'envelope'] as const) {
      const refused = refusalOf(answer(status), destination, 'support', face);
      assert.match(refused.message, /my secret question/);
      assert.match(rememberedOf(refused, true).message, /my secret question/);
      const kept = rememberedOf(refused, false);
      assert.doesNotMatch(kept.message, /my secret question/, `${status} ${face}`);
      assert.ok(kept.message.length > 20 && kept.remedy === refused.remedy);
    }
  }
  assert.equal(
    rememberedOf(toldByEngine('my secret question', destination, 'support'), false).message,
    'The engine of "support" failed in the middle of its answer.',
  );
  const { said } = rememberedOf(refusalOf(answer(500), destination, 'support', 'openai'), false);
  assert.deepEqual(said['message'], {
    code: 'inference.failed_with.message',
    values: { route: 'support', status: '500' },
  });
  const wrong = failure('validation_failed', { issues: [{ path: 'messages', message: 'Give at least one message.' }] });
  assert.match(rememberedOf(wrong, false).message, / messages: Give at least one message\.$/);
  assert.deepEqual(Object.keys(rememberedOf(wrong, false).said), ['remedy']);
});
