import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { permissions, permissionsOfRole, type Role } from '@llm-ops/contracts';

const pages = globSync('{*.md,docs/**/*.md,examples/*.md,python/*/README.md}').toSorted();

/** Where links may lead in a page: explicit anchors, and those that headings make. */
function anchorsOf(page: string): Set<string> {
  const explicit = [...page.matchAll(/<a id="([^"]+)"/g)].map(([, id]) => id!);
  const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
    text!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set([...explicit, ...headings]);
}

function deadLinks(file: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [to = '', anchor] = link.split('#');
    const target = to === '' ? file : path.join(path.dirname(file), to);
    if (!existsSync(target)) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
  });
}

test('documents: every relative link leads to a file, and every anchor is there', () => {
  assert.ok(pages.length > 20, `only ${pages.length} pages were found`);
  const dead = pages.flatMap((file) => deadLinks(file, readFileSync(file, 'utf8')).map((link) => `${file}: ${link}`));
  assert.deepEqual(dead, []);
  assert.deepEqual(deadLinks('README.md', '[a](LICENSE) [b](nowhere.md) [c](README.md#nowhere)'), [
    'nowhere.md',
    'README.md#nowhere',
  ]);
});

test('documents: the terms are those that the sample model was trained on', () => {
  const answers = readFileSync('python/trainer/data/glossary.jsonl', 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { answer: string }).answer);
  const rows = [...readFileSync('docs/07-terms.md', 'utf8').matchAll(/^\| <a id="[^"]+"><\/a>([^|]+)\| (.*) \|$/gm)];
  assert.ok(rows.length > 100, `only ${rows.length} terms were found`);
  const foreign = rows.filter(([, , meaning]) => !answers.some((answer) => meaning!.startsWith(answer)));
  assert.deepEqual(
    foreign.map(([, term]) => term!.trim()),
    [],
  );
});

test('documents: the table of permissions is what the platform goes by', () => {
  const text = readFileSync('docs/03-functional-design.md', 'utf8');
  const cellsOf = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const held = cellsOf(/^\| permission \| .*$/m.exec(text)![0]).slice(1) as Role[];
  const rows = [...text.matchAll(/^\| `([a-z-]+:[a-z]+)` \|.*$/gm)];
  assert.deepEqual(
    rows.map(([, permission]) => permission),
    [...permissions],
  );
  for (const [line, permission] of rows) {
    const marks = cellsOf(line).slice(1);
    const given = held.filter((role) => (permissionsOfRole[role] as readonly string[]).includes(permission!));
    assert.deepEqual(
      held.filter((_, index) => marks[index] === '✓'),
      given,
      permission,
    );
  }
});

test('documents: every page of the web is in the list of pages', () => {
  const list = readFileSync('docs/03-functional-design.md', 'utf8');
  const router = readFileSync('frontend/src/router.ts', 'utf8');
  const paths = [...router.matchAll(/page\(\s*'(\/[^']*)'/g)]
    .map(([, path]) => path!)
    .filter((path) => !path.includes('*'));
  assert.ok(paths.length > 30, `only ${paths.length} pages were found`);
  assert.deepEqual(
    paths.filter((path) => !list.includes(`\`${path}\``)),
    [],
  );
});
