// Prints the gzipped script of the first load (the entry with what it imports, the home page and the English texts) and fails above
// the limit. `node frontend/scripts/bundle-size.ts` after a build.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const limit = 300 * 1024;
const dist = new URL('../dist/', import.meta.url);

interface Chunk {
  file: string;
  imports?: string[];
}
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8')) as Record<string, Chunk>;

function withImports(key: string, into = new Set<string>()): Set<string> {
  const chunk = manifest[key];
  if (!chunk || into.has(key)) return into;
  into.add(key);
  for (const imported of chunk.imports ?? []) withImports(imported, into);
  return into;
}

const first = ['index.html', 'src/pages/Home.vue', 'src/locales/en/shell.json'];
const files = new Set(first.flatMap((key) => [...withImports(key)]).map((key) => manifest[key]?.file ?? ''));
files.add('theme.js');
const sizes = await Promise.all(
  [...files].map(async (file) => ({ file, bytes: gzipSync(await readFile(new URL(file, dist))).length })),
);
const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
for (const { file, bytes } of sizes.toSorted((a, b) => b.bytes - a.bytes)) {
  console.log(`${String(bytes).padStart(8)} ${file}`);
}
console.log(`first load: ${(total / 1024).toFixed(1)} KB of gzipped script (limit ${limit / 1024} KB)`);
if (total > limit) process.exitCode = 1;
