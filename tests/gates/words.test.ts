import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { test } from 'node:test';
import { catalogue } from '../../backend/src/platform/errors/catalogue.ts';
import { namesIn, type Table } from '../../backend/src/platform/words/index.ts';

/** Sentences that the server says by code, against what the web says in other languages. */

const root = path.resolve(import.meta.dirname, '../..');
const languages = ['ko'];

/** Code → its English, of every table of sentences in the server's source and of the catalogue of errors. */
async function sentences(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const add = (area: string, table: Table): void => {
    for (const [code, entry] of Object.entries(table))
      for (const [field, text] of Object.entries(entry)) {
        const whole = `${area}.${code}.${field}`;
        assert.ok(!found.has(whole), `${whole} has two meanings`);
        found.set(whole, text);
      }
  };
  const files = globSync('backend/src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
  for (const file of files) {
    const made = [...readFileSync(path.join(root, file), 'utf8').matchAll(/= createWords\(/g)].length;
    if (made === 0) continue;
    const exported = Object.values(await import(pathToFileURL(path.join(root, file)).href)) as unknown[];
    const tables = exported.filter(
      (one): one is { area: string; table: Table } =>
        typeof one === 'object' && one !== null && 'area' in one && 'table' in one,
    );
    assert.equal(tables.length, made, `${file} exports the words that it makes`);
    for (const { area, table } of tables) add(area, table);
  }
  for (const [code, { message, remedy }] of Object.entries(catalogue)) add('error', { [code]: { message, remedy } });
  return found;
}

function texts(value: object, at = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) =>
    typeof child === 'string' ? [[at + key, child]] : texts(child as object, `${at}${key}.`),
  );
}

test('UI-1: every sentence that the server says by code is there in every language of the web, with the same values', async () => {
  const said = await sentences();
  assert.ok(said.size > 500, `${said.size} sentences`);
  for (const language of languages) {
    const file = path.join(root, `frontend/src/locales/${language}/said.json`);
    const known = new Map(texts(JSON.parse(readFileSync(file, 'utf8')) as object));
    assert.deepEqual(
      [...said.keys()].filter((code) => !known.has(code)),
      [],
      `not said in ${language}`,
    );
    assert.deepEqual(
      [...known.keys()].filter((code) => !said.has(code)),
      [],
      `said in ${language} alone`,
    );
    const names = (text: string) => [...new Set(namesIn(text))].toSorted().join(' ');
    const differing = [...said]
      .filter(([code, text]) => (code.startsWith('error.') ? '' : names(text)) !== names(known.get(code)!))
      .map(([code]) => code);
    assert.deepEqual(differing, [], `take other values in ${language}`);
    for (const [code, text] of known) {
      assert.ok(text.trim() !== '', code);
      const own = text.replaceAll(/\{\w+\}/g, '').trim();
      if (/[a-z]{3}/i.test(said.get(code)!.replaceAll(/\{[^}]*\}/g, '')) && !/^(pii\.iban)/.test(code))
        assert.match(own, /[가-힣]/, `${code} is not in ${language}`);
    }
  }
});
