import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const titleForm = /\b(?:test|it|describe)\(\s*(['"`])((?:(?!\1).)*)/g;
const idsForm = /^([A-Z][\w.-]*(?:, [A-Z][\w.-]*)*): /;

/** The requirement ids that the titles of a test file name: `FR-006, DEP-1: a deployed model …`. */
function idsIn(source: string): Set<string> {
  const titles = [...source.matchAll(titleForm)].map((match) => match[2] ?? '');
  return new Set(titles.flatMap((title) => idsForm.exec(title)?.[1]?.split(', ') ?? []));
}

/** Rows of docs/requirements.md: id → the test files it names. */
function rowsOf(page: string): Map<string, string[]> {
  const rows = [...page.matchAll(/^\| ([A-Z][\w.-]*) \|[^|]*\|([^|]*)\|/gm)];
  return new Map(rows.map(([, id, tests]) => [id!, [...tests!.matchAll(/`([^`]+)`/g)].map(([, file]) => file!)]));
}

const page = readFileSync('docs/requirements.md', 'utf8');
const rows = rowsOf(page);

test('requirements: every id has one row', () => {
  const ids = [...page.matchAll(/^\| ([A-Z][\w.-]*) \|/gm)].map(([, id]) => id!);
  assert.deepEqual(
    ids.filter((id, at) => ids.indexOf(id) !== at),
    [],
  );
});

test('requirements: every test file named in docs/requirements.md exists and has a title with that id', () => {
  assert.ok(rows.size > 90, `only ${rows.size} rows were found`);
  const wrong = [...rows].flatMap(([id, files]) =>
    files
      .filter((file) => !existsSync(file) || !idsIn(readFileSync(file, 'utf8')).has(id))
      .map((file) => `${id}: ${file}`),
  );
  assert.deepEqual(wrong, []);
});

test('requirements: every id of a test title is in docs/requirements.md', () => {
  const files = globSync('{contracts,sdk,backend,frontend,tests}/**/*.test.ts', {
    exclude: (name) => name.includes('node_modules'),
  });
  assert.ok(files.length > 40, `only ${files.length} test files were found`);
  const missing = files.flatMap((file) =>
    [...idsIn(readFileSync(file, 'utf8'))].filter((id) => !rows.has(id)).map((id) => `${id}: ${file}`),
  );
  assert.deepEqual(missing, []);
});

test('requirements: the gate itself sees titles, and files that do not name their id', () => {
  assert.deepEqual(
    [...idsIn("test('FR-006, DEP-1: works', …); it(`QS-obs: seen`, …); test('plain: no id')")],
    ['FR-006', 'DEP-1', 'QS-obs'],
  );
  assert.deepEqual(
    [...rowsOf('| FR-001 | what | `a.test.ts`<br>`b.test.ts` | page | done |')],
    [['FR-001', ['a.test.ts', 'b.test.ts']]],
  );
});
