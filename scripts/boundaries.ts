import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One import that goes where it may not. */
export interface Violation {
  file: string;
  imported: string;
  rule: string;
}

const importForm =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

/** The room of a backend file: what a relative import may not leave. */
function roomOf(file: string): string {
  const parts = file.split('/');
  const [top, src, area, name] = parts;
  if (top !== 'backend') return top === 'tests' || top === 'scripts' || top === 'bench' ? 'tools' : (top ?? '');
  if (src !== 'src') return 'backend';
  if (area === 'domains' || area === 'platform') return `backend/src/${area}/${name}`;
  if (area === 'adapters') return `backend/src/adapters/${name}`;
  return `backend/src/${area?.endsWith('.ts') === true ? '' : area}`;
}

/** Checks one file's imports against the architecture; pure, so that the gate itself is tested. */
export function violationsOf(file: string, source: string): Violation[] {
  const found: Violation[] = [];
  const room = roomOf(file);
  const isTest = file.endsWith('.test.ts') || file.includes('.child.');
  for (const match of source.matchAll(importForm)) {
    const imported = match[1] ?? match[2] ?? '';
    const report = (rule: string): void => void found.push({ file, imported, rule });
    if (imported.startsWith('.')) {
      const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), imported));
      const composition = room === 'backend/src/' || room === 'backend/src/cli' || room === 'tools';
      if (!composition && !isTest && roomOf(target) !== room)
        report('a relative import may not leave its room: use its door (#domains, #platform, #ports)');
      continue;
    }
    if (room.startsWith('backend/src/platform') && imported.startsWith('#domains/'))
      report('the platform knows no domain');
    if (room === 'backend/src/ports' && imported.startsWith('#') && !imported.startsWith('#ports/'))
      report('a port imports no adapter, domain or platform room');
    if (room.startsWith('backend/src/adapters') && imported.startsWith('#domains/'))
      report('an adapter knows no domain');
    if (room === 'contracts' && imported !== 'zod' && !isTest) report('contracts import zod alone');
    if (room === 'frontend' && (imported.startsWith('@llm-ops/backend') || imported.startsWith('#')))
      report('the web knows the contracts and the SDK alone');
  }
  return found;
}

if (import.meta.main) {
  const files = globSync(
    ['contracts/**/*.ts', 'backend/src/**/*.ts', 'frontend/src/**/*.{ts,vue}', 'sdk/src/**/*.ts'],
    { exclude: (name) => name.includes('node_modules') },
  );
  const found = files.flatMap((file) => violationsOf(file.split(path.sep).join('/'), readFileSync(file, 'utf8')));
  for (const { file, imported, rule } of found) console.error(`${file}: imports ${imported}: ${rule}`);
  console.log(`boundaries: ${files.length} files, ${found.length} violations`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
