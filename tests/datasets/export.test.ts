import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failure } from '../../backend/src/platform/errors/index.ts';
import type { Workers } from '../../backend/src/platform/workers/index.ts';
import { openWorld, register, until, type Json, type World } from './world.ts';

/** what becomes of an export */
const fate = { error: null as Error | null };

function watched(workers: Workers): Workers {
  return {
    ...workers,
    run: (task, input, options) =>
      task === 'export' && fate.error !== null ? Promise.reject(fate.error) : workers.run(task, input, options),
  };
}

let world: World;
let id: string;
const csv = 'id,text\n1,=1+1\n2,"a, ""b"""\n3,안녕 😀\n4,+82 10\n';
before(async () => {
  world = await openWorld({ workers: watched });
  ({ id } = await register(world.ada, { name: 'Äpfel & Birnen' }));
  const { status, data } = await world.ada.upload(id, { 'rows.csv': csv });
  assert.equal(status, 200, JSON.stringify(data));
});
after(() => world.close());

const download = (query = '') => world.ada.fetch(`/catalog/datasets/${id}/download${query}`);

/** Folders of work under way. */
async function scratch(): Promise<string[]> {
  const names: string[] = [];
  for (const start of await readdir(join(world.folder, 'work')))
    for (const entry of await readdir(join(world.folder, 'work', start), { withFileTypes: true }))
      if (entry.isDirectory()) names.push(entry.name);
  return names;
}

describe('export of datasets', () => {
  it('FR-003: all rows come as CSV, JSON Lines or Parquet, with type, name and length', async () => {
    const lines = await download();
    assert.deepEqual(
      [lines.status, lines.headers.get('content-type'), lines.headers.get('content-disposition')],
      [200, 'application/x-ndjson', "attachment; filename*=UTF-8''%C3%84pfel_Birnen-1.0.jsonl"],
    );
    const text = await lines.text();
    assert.equal(Number(lines.headers.get('content-length')), Buffer.byteLength(text));
    const rows = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    assert.deepEqual(
      rows.map((row) => row.text),
      ['=1+1', 'a, "b"', '안녕 😀', '+82 10'],
    );
    assert.deepEqual(Object.keys(rows[0]), ['id', 'text']);

    const parquet = await download('?format=parquet');
    const bytes = Buffer.from(await parquet.arrayBuffer());
    assert.deepEqual(
      [parquet.headers.get('content-type'), bytes.subarray(0, 4).toString(), bytes.subarray(-4).toString()],
      ['application/vnd.apache.parquet', 'PAR1', 'PAR1'],
    );
    // what was taken away can be brought again
    const again = await register(world.ada);
    assert.equal((await world.ada.upload(again.id, { 'rows.parquet': bytes })).status, 200);
    const preview = await world.ada.ask('GET', `/catalog/datasets/${again.id}/preview`);
    assert.deepEqual(
      preview.sample_rows.map((row: Json) => row.text),
      rows.map((row) => row.text),
    );
  });

  it('FR-003: cells that a spreadsheet would run are made harmless, unless one asks for them as they are', async () => {
    const safe = await (await download('?format=csv')).text();
    assert.match(safe, /'=1\+1/);
    assert.match(safe, /'\+82 10/);
    const raw = await (await download('?format=csv&raw_formulas=true')).text();
    assert.doesNotMatch(raw, /'/);
    assert.match(raw, /=1\+1/);
    assert.match(raw, /"a, ""b"""/);
  });

  it('FR-003: nothing of an export stays on the disk, sent, given up or failed', async () => {
    await (await download('?format=csv')).text();
    const abort = new AbortController();
    const cut = await fetch(`${world.api}/catalog/datasets/${id}/download`, {
      headers: world.ada.headers,
      signal: abort.signal,
    });
    abort.abort();
    await assert.rejects(cut.text());
    fate.error = failure('disk_full');
    const failed = await world.ada.call('GET', `/catalog/datasets/${id}/download`);
    fate.error = null;
    assert.equal(`${failed.status} ${failed.data.code}`, '503 dataset_engine_failed');
    assert.match(failed.data.remedy, /Free some space/);
    await until('the disk is clean', async () => (await scratch()).length === 0);
    const empty = await register(world.ada);
    const none = await world.ada.call('GET', `/catalog/datasets/${empty.id}/download`);
    assert.equal(`${none.status} ${none.data.code}`, '409 dataset_not_ready');
    const eve = world.as('eve', 'researcher', 'vision');
    assert.equal((await eve.call('GET', `/catalog/datasets/${id}/download`)).status, 404);
  });

  it('FR-003: Croissant tells the files with their digests and places, from where they can be fetched', async () => {
    const response = await world.ada.fetch(`/catalog/datasets/${id}/croissant`);
    assert.equal(
      response.headers.get('content-type'),
      'application/ld+json; profile="http://mlcommons.org/croissant/1.1"',
    );
    const croissant = (await response.json()) as Json;
    const [file] = croissant.distribution;
    assert.equal(file.contentUrl, `${world.api}/catalog/datasets/${id}/files/rows.csv`);
    const bytes = Buffer.from(await (await fetch(file.contentUrl, { headers: world.ada.headers })).arrayBuffer());
    assert.equal(bytes.toString(), csv);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), file.sha256);
    assert.equal(croissant.recordSet[0].field.length, 2);
  });

  it('FR-003b: rows are shown by page, searched, filtered and sorted, with what one may filter by when it is wrong', async () => {
    const preview = (query: string) => world.ada.call('GET', `/catalog/datasets/${id}/preview${query}`);
    const page = (await preview('?limit=2&offset=1')).data;
    assert.deepEqual(
      [page.sample_rows.length, page.positions[0], page.statistics.total_rows, page.statistics.matching_rows],
      [2, { file: 'rows.csv', row: 1 }, 4, 4],
    );
    assert.deepEqual(
      page.schema.map(({ name }: Json) => name),
      ['id', 'text'],
    );
    for (const [query, ids] of [
      ['?search=안녕', ['3']],
      ['?filter=text:contains:a, ', ['2']],
      ['?filter=id:gte:2&filter=id:lt:4', ['2', '3']],
      ['?sort=-id&limit=1', ['4']],
      ['?filter=text:is_null', []],
    ] as const) {
      const { status, data } = await preview(query.replace(/ /g, '%20'));
      assert.equal(status, 200, JSON.stringify(data));
      assert.deepEqual(
        data.sample_rows.map((row: Json) => String(row.id)),
        ids,
        query,
      );
    }
    const wrong = await preview('?filter=colour:eq:red');
    assert.equal(`${wrong.status} ${wrong.data.code}`, '400 validation_failed');
    assert.match(wrong.data.issues[0].message, /The columns are id, text\./);
  });
});
