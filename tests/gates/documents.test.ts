import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

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
