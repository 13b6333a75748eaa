import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { projectRoot } from './harness.ts';

const dataDir = mkdtempSync(path.join(tmpdir(), 'llm-ops-demo-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

/** Runs `npm run demo`'s script until it says that everything keeps running, then ends it as Ctrl-C would. */
async function demo(port: number): Promise<{ output: string; code: number | null }> {
  const child = spawn(process.execPath, ['scripts/demo.ts'], {
    cwd: projectRoot,
    env: {
      ...process.env,
      PORT: String(port),
      DATA_DIR: dataDir,
      LLMOPS_PYTHON: process.env['LLMOPS_TEST_PYTHON'] ?? '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ctrl-C ends it')) child.kill('SIGINT');
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { output, code };
}

const freePort = async (): Promise<number> => {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
};

test('US1.1, FR-001a, FR-006, FR-006l: `npm run demo` goes from files to a chat answer, and finds its things again', async () => {
  const port = await freePort();
  const first = await demo(port);
  assert.match(first.output, /Register the sample model.*\n.*Upload its files … \d+ files/, first.output);
  assert.match(first.output, /approved by grace/);
  assert.match(first.output, /What is a revision\?\s+\S.*revision/is, first.output);
  assert.match(first.output, /Chat[^]*\d+ \+ \d+ tokens/);

  const second = await demo(port);
  assert.match(second.output, /found again: .*approved/, second.output);
  assert.match(second.output, /Deploy to dev … found again/);
  assert.match(second.output, /Chat[^]*\d+ \+ \d+ tokens/);
});
