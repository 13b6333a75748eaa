import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { Workers } from '../../backend/src/platform/workers/index.ts';
import { register as registerModel } from '../catalog/world.ts';
import { killEngine, pairs, validated } from './people.ts';
import { card, openWorld, register, until, type Json, type World } from './world.ts';

/** What this process sends to the database in such statements, and how many rows it gets back at most. */
function watchFindings(statement = 'into staged_finding'): { sent: string[]; stop(): { rows: number } } {
  const { prototype } = pg.Client;
  const original = prototype.query;
  const sent: string[] = [];
  let rows = 0;
  prototype.query = async function (this: pg.Client, ...given: [string | { text: string; values?: unknown[] }]) {
    const [first, values] = given as [string | { text: string; values?: unknown[] }, unknown[]?];
    const text = typeof first === 'string' ? first : first.text;
    if (text.includes(statement)) sent.push(String((values ?? (first as { values?: unknown[] }).values)!.at(-1)));
    const result = await Reflect.apply(original, this, given);
    if (/finding/.test(text)) rows = Math.max(rows, result?.rows?.length ?? 0);
    return result;
  } as typeof original;
  return {
    sent,
    stop() {
      prototype.query = original;
      return { rows };
    },
  };
}

/** what the engine's processes meet */
const fate = { kills: 0, hold: null as Promise<void> | null };
const entities = { answer: async (): Promise<Json[]> => [], asked: 0 };

function watched(workers: Workers): Workers {
  return {
    ...workers,
    async run(task, input, options) {
      if (task !== 'validate') return workers.run(task, input, options);
      if (fate.hold !== null) await fate.hold;
      return workers.run(task, input, {
        ...options,
        onProgress(value) {
          options.onProgress?.(value);
          if (fate.kills === 0) return;
          fate.kills--;
          void killEngine();
        },
      });
    },
  };
}

let world: World;
before(async () => {
  world = await openWorld({
    workers: watched,
    entities: async (texts) => {
      entities.asked += texts.length;
      return entities.answer();
    },
  });
});
after(() => world.close());

const validation = (id: string) => world.ada.ask('GET', `/catalog/datasets/${id}/validation`);
const start = (id: string, body: Json = {}) => world.ada.call('POST', `/catalog/datasets/${id}/validation`, body);
async function made(rows: string, change: Record<string, unknown> = {}): Promise<Json> {
  const dataset = await register(world.ada, { type: 'sft_pair', ...change });
  const { status, data } = await world.ada.upload(dataset.id, { 'rows.jsonl': rows });
  assert.equal(status, 200, JSON.stringify(data));
  return dataset;
}

describe('validation of datasets', () => {
  it('FR-003c: it begins by itself when the files are ready, and says what is wrong, where, and what to do', async () => {
    const dataset = await made(pairs(200, (row) => (row % 50 === 7 ? `kim${row}@example.com` : null)));
    const done = await validated(world.ada, dataset.id);
    assert.deepEqual([done.status, done.current, done.progress, done.error], ['succeeded', true, 1, null]);
    assert.deepEqual(Object.keys(done.quality_score.breakdown).sort(), [
      'distribution',
      'duplicates',
      'format',
      'missing_values',
      'schema_compliance',
    ]);
    assert.ok(done.quality_score.overall > 50 && done.quality_score.overall <= 100);
    assert.match(done.quality_score.formula, /\d/);
    assert.deepEqual(done.pii_scan.detected_types, [{ type: 'email', count: 4, open: 4 }]);
    assert.equal(done.pii_scan.status, 'failed');
    assert.deepEqual(
      done.pii_scan.locations.map(({ file, row, column }: Json) => `${file} ${row} ${column}`),
      [7, 57, 107, 157].map((row) => `rows.jsonl ${row} completion`),
    );
    assert.ok(done.pii_scan.recommendations.length > 0);
    const now = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`);
    assert.deepEqual([now.pii_scan_status, now.quality_score], ['failed', done.quality_score.overall]);
    const gates = Object.fromEntries(now.gates.map(({ gate, passed }: Json) => [gate, passed]));
    assert.deepEqual([gates.validation, gates.pii], [true, false]);
    const profile = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}/profile`);
    assert.deepEqual([profile.rows, profile.columns.map(({ name }: Json) => name)], [200, ['prompt', 'completion']]);
  });

  it('FR-003c: a newer one or other files supersede it, and running it again is one call', async () => {
    const hold = Promise.withResolvers<void>();
    fate.hold = hold.promise;
    const dataset = await made(pairs(20));
    const first = await until('it runs', async () => {
      const found = await validation(dataset.id);
      return found.status === 'running' && (found as Json);
    });
    const again = await start(dataset.id);
    assert.equal(again.status, 200, JSON.stringify(again.data));
    assert.equal(again.data.status, 'queued');
    await world.ada.upload(dataset.id, { 'more.jsonl': pairs(5) });
    fate.hold = null;
    hold.resolve();
    const done = await validated(world.ada, dataset.id);
    assert.equal(`${done.status} ${done.current}`, 'succeeded true');
    const { rows } = await world.db.pool.query(
      'select id, status from dataset_validation where dataset_id = $1 order by created_at, id',
      [dataset.id],
    );
    assert.deepEqual(
      rows.map(({ status }) => status),
      ['superseded', 'superseded', 'succeeded'],
    );
    assert.deepEqual([rows[0].id, rows[1].id], [first.id, again.data.id]);
    const empty = await register(world.ada);
    const refused = await start(empty.id);
    assert.equal(`${refused.status} ${refused.data.code}`, '409 dataset_not_ready');
    assert.equal((await validation(empty.id)).status, null);
  });

  it('FR-003c: while another validation runs, the result before it is still there', async () => {
    const dataset = await made(pairs(30, (row) => `person.${row}@example.com`));
    const none = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}/validation?succeeded=true`);
    assert.ok(none.id === null || none.status === 'succeeded');
    const first = await validated(world.ada, dataset.id);
    const hold = Promise.withResolvers<void>();
    fate.hold = hold.promise;
    const again = await start(dataset.id, { pii_types: ['iban'] });
    const former = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}/validation?succeeded=true`);
    assert.deepEqual([former.id, former.status, former.current], [first.id, 'succeeded', true]);
    assert.deepEqual(former.pii_scan.detected_types, [{ type: 'email', count: 30, open: 30 }]);
    assert.deepEqual(
      former.findings.find(({ type }: Json) => type === 'email'),
      { kind: 'pii', type: 'email', count: 30, kept: 30 },
    );
    const newest = await validation(dataset.id);
    assert.equal(newest.id, again.data.id);
    assert.equal(newest.quality_score, null);
    fate.hold = null;
    hold.resolve();
    await validated(world.ada, dataset.id);
    const unknown = await start(dataset.id, { pii_types: ['iban', 'shoe_size'] });
    assert.equal(unknown.status, 400);
    assert.match(unknown.data.issues[0].path, /^pii_types\.1$/);
    assert.equal((await start(dataset.id, { pii_types: [] })).status, 400);
  });

  it('FR-003c: what is asked for is checked, and nobody validates what is not theirs', async () => {
    const dataset = await made(pairs(10));
    const zero = { missing_values: 0, duplicates: 0, distribution: 0, schema_compliance: 0, format: 0 };
    const unknown = '0190a8c0-0000-7000-8000-00000000dead';
    const { status, data } = await start(dataset.id, {
      weights: zero,
      base_model_id: unknown,
      benchmark_ids: [dataset.id, unknown],
    });
    assert.equal(`${status} ${data.code}`, '400 validation_failed');
    assert.deepEqual(
      data.issues.map(({ path }: Json) => path),
      ['weights', 'base_model_id', 'benchmark_ids.0', 'benchmark_ids.1'],
    );
    const eve = world.as('eve', 'researcher', 'vision');
    assert.equal((await eve.call('POST', `/catalog/datasets/${dataset.id}/validation`, {})).status, 404);
    assert.equal((await world.grace.call('POST', `/catalog/datasets/${dataset.id}/validation`, {})).status, 403);
  });

  it('FR-003c: weights of one’s own count, and a base model says which examples are too long', async () => {
    const folder = join(import.meta.dirname, '../../examples/models/glossary-llama');
    const model = await registerModel(world.ada as never);
    const form = new FormData();
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'config.json'])
      form.append('files', new Blob([await readFile(join(folder, name))]), name);
    assert.equal((await world.ada.call('POST', `/catalog/models/${model.id}/upload`, form)).status, 200);
    const dataset = await made(pairs(30));
    await validated(world.ada, dataset.id);
    const weights = { missing_values: 100, duplicates: 0, distribution: 0, schema_compliance: 0, format: 0 };
    const asked = await start(dataset.id, { weights, base_model_id: model.id, max_tokens: 20 });
    assert.equal(asked.status, 200, JSON.stringify(asked.data));
    const done = await validated(world.ada, dataset.id);
    assert.equal(done.status, 'succeeded', `${done.error} ${done.remedy}`);
    assert.equal(done.quality_score.overall, done.quality_score.breakdown.missing_values);
    assert.equal(done.tokens.limit, 20);
    assert.ok(done.tokens.total > 300 && done.tokens.over_limit > 0, JSON.stringify(done.tokens));
  });

  it('FR-003c: rows that an approved benchmark holds are found, of benchmarks that one may read alone', async () => {
    const items = Array.from({ length: 20 }, (_, row) => ({
      question: `Which of the following ${row} statements about the long river near the old mill of village ${row} is certainly the true one?`,
      answer: `The ${row}th one, because the miller of village ${row} said so in the year ${1800 + row}.`,
    }));
    const lines = (rows: object[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
    const benchmark = await world.ada.ask('POST', '/catalog/benchmarks', {
      name: 'rivers',
      owner_team: 'nlp',
      task: 'question-answering',
      metadata: card,
    });
    await world.ada.upload(benchmark.id, { 'items.jsonl': lines(items) });
    await validated(world.ada, benchmark.id);
    await world.ada.ask('PATCH', `/catalog/datasets/${benchmark.id}/status`, { status: 'under_review' });
    await world.grace.ask('PATCH', `/catalog/datasets/${benchmark.id}/status`, { status: 'approved' });
    const [listed] = await world.ada.ask('GET', '/catalog/benchmarks?task=question-answering&status=approved');
    assert.deepEqual(
      [listed.id, listed.input_column, listed.reference_column, listed.rows],
      [benchmark.id, 'question', 'answer', 20],
    );

    const leaked = items.slice(0, 3).map(({ question, answer }) => ({ prompt: question, completion: answer }));
    const dataset = await made(pairs(40) + lines(leaked));
    const done = await validated(world.ada, dataset.id);
    assert.deepEqual(
      done.contamination.map(({ benchmark_id: id, rows }: Json) => [id, rows]),
      [[benchmark.id, 3]],
    );
    const found = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}/findings?kind=contamination`);
    assert.deepEqual([...new Set(found.map(({ row }: Json) => row))], [40, 41, 42]);
    await start(dataset.id, { benchmark_ids: [] });
    assert.deepEqual((await validated(world.ada, dataset.id)).contamination, []);
  });

  it('FR-003c: names come from a Presidio server where there is one; when it is away the validation says so and goes on', async () => {
    entities.answer = async () => [{ index: 0, type: 'person', start: 0, end: 8, confidence: 0.85 }];
    const dataset = await made(pairs(10));
    const used = await validated(world.ada, dataset.id);
    assert.equal(used.pii_scan.ner, 'used');
    assert.ok(
      used.pii_scan.detected_types.some(({ type }: Json) => type === 'person'),
      JSON.stringify(used.pii_scan),
    );
    entities.answer = () => Promise.reject(new Error('It is away.'));
    await start(dataset.id);
    const away = await validated(world.ada, dataset.id);
    assert.equal(`${away.status} ${away.pii_scan.ner}`, 'succeeded unreachable');
    const before = entities.asked;
    await start(dataset.id, { ner: false });
    assert.equal((await validated(world.ada, dataset.id)).pii_scan.ner, 'off');
    assert.equal(entities.asked, before);
    entities.answer = async () => [];
  });

  it('FR-003c: a look for some kinds alone clears nobody', async () => {
    const dataset = await made(pairs(10, (row) => (row === 3 ? 'kim@example.com' : null)));
    await validated(world.ada, dataset.id);
    await start(dataset.id, { pii_types: ['iban'] });
    const done = await validated(world.ada, dataset.id);
    assert.deepEqual([done.status, done.pii_scan.detected_types, done.pii_scan.status], ['succeeded', [], 'pending']);
  });

  it('FR-003c: kill -9 of its process fails one try; the next one ends well', async () => {
    fate.kills = 1;
    const dataset = await made(pairs(3_000));
    const done = await validated(world.ada, dataset.id);
    assert.equal(fate.kills, 0);
    assert.equal(`${done.status} ${done.error}`, 'succeeded null');
    const { rows } = await world.db.pool.query('select attempt from dataset_validation where id = $1', [done.id]);
    assert.equal(rows[0].attempt, 2);
  });

  it('FR-003c: killed each time it fails with what to do; the server lives, others go on, and one call starts it again', async () => {
    fate.kills = 1_000;
    const dataset = await made(pairs(3_000));
    const failed = await validated(world.ada, dataset.id);
    fate.kills = 0;
    assert.equal(failed.status, 'failed');
    assert.match(failed.error, /ended unexpectedly/);
    assert.match(failed.remedy, /again/);
    assert.deepEqual(failed.said, {
      error: { code: 'worker.ended_by.message', values: { signal: 'SIGKILL' } },
      remedy: { code: 'work.unexpected.remedy' },
    });
    const now = await world.ada.ask('GET', `/catalog/datasets/${dataset.id}`);
    assert.equal(`${now.pii_scan_status} ${now.quality_score}`, 'pending null');
    const { message, said } = now.gates.find(({ gate }: Json) => gate === 'validation');
    assert.match(message, /failed/);
    assert.equal(said.message.values.cause.code, 'worker.ended_by.message');
    assert.equal((await validated(world.ada, (await made(pairs(5))).id)).status, 'succeeded');
    await start(dataset.id);
    assert.equal((await validated(world.ada, dataset.id)).status, 'succeeded');
  });

  it('FR-003b: of a table of thousands of columns some are told at a time, and recorded some at a time', async () => {
    const names = Array.from({ length: 3_000 }, (_, at) => `column_${at}`);
    const lines = Array.from({ length: 30 }, (_, row) => names.map((_, at) => (row * 31 + at * 7) % 1_000).join(','));
    const dataset = await register(world.ada, {});
    const watch = watchFindings('into dataset_column_profile');
    await world.ada.upload(dataset.id, { 'wide.csv': `${names.join(',')}\n${lines.join('\n')}\n` });
    const done = await validated(world.ada, dataset.id);
    watch.stop();
    assert.equal(done.status, 'succeeded', done.error);
    const batches = watch.sent.map((json) => (JSON.parse(json) as Json[]).length);
    assert.equal(
      batches.reduce((sum, count) => sum + count, 0),
      3_000,
    );
    assert.ok(Math.max(...watch.sent.map((json) => json.length)) <= 512 * 1024);
    const at = `/catalog/datasets/${dataset.id}`;
    const listed = await world.ada.ask('GET', `/catalog/datasets?name=${dataset.name}`);
    assert.deepEqual(
      [listed[0].columns.length, listed[0].files[0].facts.columns.length, listed[0].column_count],
      [100, 100, 3_000],
    );
    assert.equal((await world.ada.ask('GET', at)).columns.length, 3_000);
    const profile = await world.ada.ask('GET', `${at}/profile`);
    assert.deepEqual([profile.rows, profile.column_count, profile.columns.length], [30, 3_000, 200]);
    const later = await world.ada.ask('GET', `${at}/profile?offset=2990&limit=100`);
    assert.deepEqual(
      later.columns.map(({ name }: Json) => name),
      names.slice(2_990),
    );
    const preview = await world.ada.ask('GET', `${at}/preview?limit=5&columns_offset=2995&filter=column_3:eq:21`);
    assert.deepEqual(
      [preview.statistics.column_count, preview.statistics.matching_rows, preview.schema.length],
      [3_000, 1, 5],
    );
    assert.deepEqual(preview.sample_rows, [
      Object.fromEntries(names.slice(2_995).map((name, at) => [name, String(((2_995 + at) * 7) % 1_000)])),
    ]);
    const many = await world.ada.ask('GET', `${at}/preview?limit=500&columns_limit=1000`);
    assert.deepEqual([many.sample_rows.length, many.schema.length], [30, 100]);
  });

  it('FR-003c: findings are recorded some at a time, so that recording any number of them holds up nobody', async (t) => {
    const rows = pairs(6_000, (row) => `person.${row}@example.com and +82 10-${1000 + (row % 9000)}-5678`);
    const dataset = await register(world.ada, { type: 'sft_pair' });
    const watch = watchFindings();
    await world.ada.upload(dataset.id, { 'rows.jsonl': rows });
    const done = await validated(world.ada, dataset.id);
    const { rows: returned } = watch.stop();
    assert.equal(done.status, 'succeeded', done.error);
    assert.ok(done.findings_kept >= 12_000, String(done.findings_kept));
    const batches = watch.sent.map((json) => (JSON.parse(json) as Json[]).length);
    t.diagnostic(`${done.findings_kept} findings in ${batches.length} statements`);
    // what is done in one turn depends on neither their number nor their size; bench:validate holds its time to 20 ms
    assert.equal(
      batches.reduce((sum, count) => sum + count, 0),
      done.findings_kept,
    );
    assert.ok(Math.max(...batches) <= 1_000, `${Math.max(...batches)} at once`);
    const longest = Math.max(...watch.sent.map((json) => json.length));
    assert.ok(longest <= 512 * 1024, `${longest} characters at once`);
    assert.ok(returned <= 201, `${returned} rows were read at once`);
  });
});
