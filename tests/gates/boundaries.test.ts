import assert from 'node:assert/strict';
import { test } from 'node:test';
import { violationsOf } from '../../scripts/boundaries.ts';

const cases: [string, string, boolean][] = [
  ['backend/src/domains/catalog/service.ts', "import { x } from '../serving/store.ts';", true],
  ['backend/src/domains/catalog/inspect/gguf.ts', "import { x } from '../card.ts';", false],
  ['backend/src/domains/catalog/service.ts', "import { x } from '#domains/serving';", false],
  ['backend/src/domains/catalog/service.ts', "import { x } from '../../adapters/objects/files/index.ts';", true],
  ['backend/src/platform/http/server.ts', "import type { x } from '#domains/catalog';", true],
  ['backend/src/platform/http/server.ts', "import { x } from '../db/open.ts';", true],
  ['backend/src/ports/objects.ts', "import { x } from '../adapters/objects/keys.ts';", true],
  ['backend/src/adapters/objects/s3/index.ts', "import { x } from '#domains/catalog';", true],
  ['backend/src/adapters/objects/s3/index.ts', "import { x } from '../keys.ts';", false],
  ['contracts/catalog.ts', "import fs from 'node:fs';", true],
  ['frontend/src/main.ts', "const x = await import('../../backend/src/main.ts');", true],
  ['backend/src/main.ts', "import { x } from './adapters/objects/files/index.ts';", false],
];

test('architecture: the gate finds each kind of forbidden import and leaves the allowed ones', () => {
  for (const [file, source, forbidden] of cases) {
    assert.equal(violationsOf(file, source).length > 0, forbidden, `${file}: ${source}`);
  }
});

test('architecture: a deep import through a door does not resolve', async () => {
  const { execFileSync } = await import('node:child_process');
  const attempt = () =>
    execFileSync(process.execPath, ['--input-type=module', '-e', "await import('#platform/http/server.ts')"], {
      cwd: 'backend',
      stdio: 'pipe',
    });
  assert.throws(attempt, /ERR_PACKAGE_IMPORT_NOT_DEFINED|ERR_MODULE_NOT_FOUND|Cannot find module/);
});
