import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providers } from '../../../adapters/provider/index.ts';
import { statusOfRefusal } from './failures.ts';

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
