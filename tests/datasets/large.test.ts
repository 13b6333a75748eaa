import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { validated } from './people.ts';
import { openWorld, register, type Json, type World } from './world.ts';

let world: World;
before(async () => (world = await openWorld({ config: { maxFileBytes: 1024 ** 3, timeoutMs: 300_000 } })));
after(() => world.close());

const lineOf = (characters: number): string => `{"id":1,"text":"${'word 가나다 '.repeat(characters / 9)}"}`;
const fileOf = (line: string): string =>
  `{"id":0,"text":"small"}\n${line}\n{"id":2,"text":"Write to anna.kim@example.org"}\n`;

it('FR-003a: a JSON line of 100 MB is refused with its number and what to do, and nothing of it stays', async () => {
  const dataset = await register(world.ada, {});
  const line = lineOf(60_000_000);
  assert.ok(Buffer.byteLength(line) > 100_000_000);
  const { status, data } = await world.ada.upload(dataset.id, { 'line.jsonl': fileOf(line) });
  assert.equal(`${status} ${data.code}`, '400 dataset_rejected');
  assert.deepEqual(
    data.issues.map(({ line: number }: Json) => number),
    [2],
  );
  assert.match(data.issues[0].message, /longer than 67\.1 MB\. Split it/);
  assert.deepEqual((await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`)).files, []);
});

it('FR-003a: a JSON line of 60 MB goes all the way: shown cut, validated, and handed out whole', async () => {
  const dataset = await register(world.ada, {});
  const text = fileOf(lineOf(36_000_000));
  assert.equal((await world.ada.upload(dataset.id, { 'line.jsonl': text })).status, 200);
  const preview = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}/preview`);
  assert.deepEqual(
    preview.sample_rows.map((row: Json) => row.text.length),
    [5, 2_000, 29],
  );
  assert.deepEqual(preview.truncated, [{ index: 1, column: 'text', length: 36_000_000 }]);
  const done = await validated(world.ada, dataset.id, 120_000);
  assert.equal(done.status, 'succeeded', done.error);
  assert.deepEqual(done.pii_scan.detected_types, [{ type: 'email', count: 1, open: 1 }]);
  for (const [format, bytes] of [
    ['jsonl', Buffer.byteLength(text)],
    ['csv', Buffer.byteLength(text) - 10],
  ] as const) {
    const answer = await world.ada.fetch(`/catalog/datasets/${dataset.id}/download?format=${format}`);
    assert.equal(answer.status, 200, format);
    let size = 0;
    for await (const chunk of answer.body!) size += chunk.length;
    assert.ok(Math.abs(size - bytes) < 100, `${format}: ${size} bytes of ${bytes}`);
  }
});

it('FR-003a, FR-003b: a CSV of 20,000 columns is taken and looked at some columns at a time; one of 20,001 is refused', async () => {
  const names = Array.from({ length: 20_000 }, (_, at) => `column_${at}`);
  const lines = Array.from({ length: 5 }, (_, row) => names.map((_, at) => (row * 31 + at * 7) % 1_000).join(','));
  const dataset = await register(world.ada, {});
  const more = [`${names.join(',')},one_more`, ...lines.map((line) => `${line},1`)].join('\n');
  const refused = await world.ada.upload(dataset.id, { 'wide.csv': more });
  assert.equal(`${refused.status} ${refused.data.code}`, '400 dataset_rejected');
  assert.match(refused.data.issues[0].message, /20,?001 columns/);
  const taken = await world.ada.upload(dataset.id, { 'wide.csv': `${[names.join(','), ...lines].join('\n')}\n` });
  assert.equal(taken.status, 200);
  const at = `/catalog/datasets/${dataset.id}`;
  const last = await world.ada.ask('GET', `${at}/preview?columns_offset=19998&offset=4`);
  assert.deepEqual([last.statistics.column_count, last.statistics.total_rows], [20_000, 5]);
  assert.deepEqual(last.sample_rows[0], { column_19998: '110', column_19999: '117' });
  const first = await world.ada.ask('GET', `${at}/preview`);
  assert.deepEqual([first.sample_rows.length, first.schema.length], [5, 200]);
});
