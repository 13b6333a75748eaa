import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { envExample, setupGuide } from '../backend/src/platform/config/index.ts';
import { chartSchema } from './chart-schema.ts';
import { errorsPage } from './errors-page.ts';

/** Writes the files that come from the code; `--check` fails when one is not what the code says. */
const files: Record<string, string> = {
  'env.example': envExample(),
  'ENV_SETUP.md': setupGuide(),
  'docs/errors.md': errorsPage(),
  'infra/helm/llm-ops/values.schema.json': chartSchema(),
};
const stale = Object.entries(files).filter(([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text);

if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`${file} is not what the code says: npm run generate`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [file, text] of stale) writeFileSync(file, text);
  console.log(stale.length === 0 ? 'Nothing to do.' : `Wrote ${stale.map(([file]) => file).join(', ')}.`);
}
