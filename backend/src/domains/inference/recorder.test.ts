import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '#platform/log';
import { createRecorder } from './recorder.ts';
import type { UsageEvent } from './usage.ts';

const log = createLog({ level: 'silent' });
const folder = (): string => mkdtempSync(path.join(tmpdir(), 'llm-ops-usage-'));
const event = (id: string): UsageEvent => ({
  id,
  at: new Date().toISOString(),
  request_id: id,
  user_id: 'u',
  team: null,
  project: null,
  api_key_id: null,
  route: 'r',
  environment: 'dev',
  endpoint_id: 'e',
  model_id: 'm',
  model_name: 'm',
  revision: 1,
  operation: 'chat',
  streamed: false,
  status: 200,
  prompt_tokens: 1,
  completion_tokens: 1,
  estimated: false,
  latency_ms: 1,
  first_token_ms: null,
  finish_reason: 'stop',
});

/** A database that keeps rows once by id, as the real insert does, and can be away. */
function database() {
  const rows = new Map<string, UsageEvent>();
  const state = { away: false };
  const insert = async (events: readonly UsageEvent[]): Promise<void> => {
    if (state.away) throw new Error('away');
    for (const one of events) if (!rows.has(one.id)) rows.set(one.id, one);
  };
  return { rows, state, insert };
}

test('FR-009: with the database away events stay in the journal and arrive once when it is back', async () => {
  const directory = folder();
  const { rows, state, insert } = database();
  const recorder = createRecorder({ directory, insert, log });
  state.away = true;
  for (let number = 0; number < 1200; number += 1) recorder.record(event(`a${number}`));
  await recorder.settle();
  assert.equal(rows.size, 0);
  state.away = false;
  await recorder.close();
  assert.equal(rows.size, 1200);
  assert.deepEqual(readdirSync(directory), [], 'what is settled leaves no file');
});

test('FR-009: what a killed gateway had journalled is settled by the next one, torn last line and all', async () => {
  const directory = folder();
  const first = database();
  first.state.away = true;
  const killed = createRecorder({ directory, insert: first.insert, log });
  for (let number = 0; number < 10; number += 1) killed.record(event(`b${number}`));
  await sleep(150);
  const [file] = readdirSync(directory);
  appendFileSync(path.join(directory, file!), '{"id":"torn');
  const second = database();
  const next = createRecorder({ directory, insert: second.insert, log });
  await next.close();
  assert.equal(second.rows.size, 10);
});
