import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approvedModel, ask, healthyEndpoint, people, projectRoot, startPlatform, until } from './harness.ts';

const main = path.join(projectRoot, 'backend/src/main.ts');
const start = (environment: Record<string, string>) =>
  spawnSync(process.execPath, [main], {
    cwd: projectRoot,
    env: { ...process.env, PORT: '0', ...environment },
    encoding: 'utf8',
    timeout: 30_000,
  });

/** Memory that belongs to a process and what it started, shared pages counted by share; bytes. */
function pss(pid: number): number {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), stat: readSafe(`/proc/${name}/stat`) }))
    .map(({ pid: id, stat }) => ({ id, parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }));
  const family = new Set([pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const { id, parent } of children) {
      if (family.has(parent) && !family.has(id)) {
        family.add(id);
        grown = true;
      }
    }
  }
  return [...family].reduce(
    (sum, id) => sum + Number(/^Pss:\s+(\d+)/m.exec(readSafe(`/proc/${id}/smaps_rollup`))?.[1] ?? 0) * 1024,
    0,
  );
}

const readSafe = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

test('FR-006g-env: a start that cannot be right says why and what to do', () => {
  const open = start({ HOST: '0.0.0.0', DATA_DIR: mkdtempSync(path.join(tmpdir(), 'llm-ops-open-')) });
  assert.equal(open.status, 1);
  assert.match(open.stderr, /believes X-User-\* headers, but HOST=0\.0\.0\.0 is reachable/);
  const bad = start({ USE_GPU: 'yes', DATABASE_URL: 'mysql://u:hunter2@h/d' });
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /USE_GPU: Write true or false in lower case/);
  assert.ok(!bad.stderr.includes('hunter2') && !bad.stdout.includes('hunter2'));
});

test('a second platform on the same data is refused with the pid of the first; a killed one is taken over', async () => {
  const first = await startPlatform();
  const second = start({ DATA_DIR: first.dataDir });
  assert.equal(second.status, 1);
  assert.match(second.stderr, new RegExp(`\\b${first.process.pid}\\b`));
  const model = await approvedModel(first.api, 'kept');
  await first.kill();
  const again = await startPlatform({}, first.dataDir);
  assert.equal((await ask(again.api, people.researcher, 'GET', `/catalog/models/${model.id}`)).status, 'approved');
  await again.stop();
});

test('a folder that only its owner may enter (0700) works, also as root', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'llm-ops-0700-'));
  chmodSync(folder, 0o700);
  const platform = await startPlatform({}, path.join(folder, 'data'));
  assert.equal((await fetch(`${platform.url}/readyz`)).status, 200);
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('first start, later start and memory, printed', async (context) => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'llm-ops-times-'));
  const began = performance.now();
  const first = await startPlatform({}, dataDir);
  const firstMs = performance.now() - began;
  await sleep(1500);
  const memory = existsSync('/proc/self/smaps_rollup') ? pss(first.process.pid!) : 0;
  await first.kill();
  const later = performance.now();
  const second = await startPlatform({}, dataDir);
  const laterMs = performance.now() - later;
  context.diagnostic(
    `first start ${Math.round(firstMs)} ms (limit 15000), later ${Math.round(laterMs)} ms (limit 4000), PSS ${(memory / 1e6).toFixed(0)} MB without models (limit 450)`,
  );
  assert.ok(memory < 450e6, `${memory} bytes`);
  await second.stop();
});

test('SIGTERM lets answers finish, ends every child, and leaves no process', async () => {
  const platform = await startPlatform();
  const model = await approvedModel(platform.api, 'drain');
  await healthyEndpoint(platform.api, model.id, '/drain');
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(platform.process.pid)], { encoding: 'utf8' })
    .stdout.trim()
    .split(/\s+/)
    .map(Number);
  assert.ok(children.length >= 1);
  const response = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...people.developer, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'drain',
      messages: [{ role: 'user', content: 'What is a route?' }],
      max_tokens: 60,
      stream: true,
    }),
  });
  platform.process.kill('SIGTERM');
  const text = await response.text();
  assert.match(text, /\[DONE\]\s*$/, 'the stream under way ended whole');
  await platform.stop();
  // A zombie has ended; who adopted it may take a moment to reap it.
  const running = (): number[] =>
    children.filter((pid) => !/^\d+ \(.*\) [ZX]/s.test(readSafe(`/proc/${pid}/stat`) || '0 () X'));
  await until(`of the children ${children.join()} all have ended`, async () => running().length === 0, 5000).catch(
    (error: Error) => {
      const left = running().map(
        (pid) => `${pid}: ${readSafe(`/proc/${pid}/stat`)} ${readSafe(`/proc/${pid}/cmdline`)}`,
      );
      throw new Error(`${error.message}\n${left.join('\n')}\n${platform.log.slice(-20).join('\n')}`);
    },
  );
});

test('Ctrl-C during the start ends cleanly', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'llm-ops-early-'));
  const child = spawn(process.execPath, [main], {
    cwd: projectRoot,
    env: { ...process.env, PORT: '0', DATA_DIR: dataDir },
    stdio: 'ignore',
  });
  await sleep(900);
  child.kill('SIGINT');
  await new Promise((resolve) => child.once('exit', resolve));
  const platform = await startPlatform({}, dataDir);
  await platform.stop();
});
