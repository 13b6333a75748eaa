import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { provisionPython } from '../../scripts/provision/python.ts';
import { openHub, type HubServer } from '../catalog/hub-server.ts';
import { approvedModel, people, startPlatform, type RunningPlatform } from './harness.ts';

/** Cases an operation; `npm run drill contract` makes it 200. */
const cases = process.env['CONTRACT_CASES'] ?? '12';

let platform: RunningPlatform;
let hub: HubServer;
/** schemathesis keeps a cache in its working directory */
const scratch = mkdtempSync(path.join(tmpdir(), 'llm-ops-contract-'));
before(async () => {
  hub = await openHub({});
  platform = await startPlatform({ HUGGINGFACE_ENDPOINT: hub.url });
  await approvedModel(platform.api, 'contract');
});
after(async () => {
  await platform.stop();
  await hub.close();
  rmSync(scratch, { recursive: true, force: true });
});

test('QS-contract: schemathesis finds nothing in the served OpenAPI document', async () => {
  const python = await provisionPython('tests/python/requirements-contract.txt');
  const headers = Object.entries({ ...people.admin }).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const args = [
    'run',
    `${platform.api}/openapi.json`,
    '--url',
    platform.url,
    ...headers,
    '--max-examples',
    cases,
    '--phases',
    'examples,coverage,fuzzing',
    '--checks',
    'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method',
    '--request-timeout',
    '20',
    '--generation-with-security-parameters',
    'false',
    '--generation-database',
    'none',
    '--no-color',
  ];
  const child = spawn(python, ['-m', 'schemathesis.cli', ...args], { cwd: scratch, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  const readable = output
    .split('\n')
    .map((line) => line.slice(0, 300))
    .join('\n');
  // what was found first: a run of all suites tells only the first line of a failure
  const found = /^_+ (?<operation>\S+ \S+) _+\n[\s\S]*?^ *- (?<what>[^\n]+)/m.exec(readable)?.groups;
  const first = found === undefined ? '' : `${found['operation']}: ${found['what']}\n`;
  assert.equal(code, 0, `${first}${readable.slice(0, 20_000)}`);
  console.log(output.slice(output.lastIndexOf('SUMMARY')).slice(0, 1500));
});
