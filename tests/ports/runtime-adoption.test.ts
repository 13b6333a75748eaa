import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { RevisionSpec, Runtime } from '../../backend/src/ports/runtime.ts';
import type * as harness from './runtime.harness.ts';
import {
  addressOf,
  alive,
  complete,
  createPlace,
  createRuntime,
  createSpec,
  healthOf,
  ready,
  until,
  untilGone,
} from './runtime.harness.ts';
import { ANSWER, tinyGguf } from './runtime.model.ts';

describe('runtime port, local: the platform is killed', () => {
  let place: harness.Place;
  let spec: RevisionSpec;
  let platform: ChildProcess | undefined;
  let runtime: Runtime | undefined;

  beforeEach(async () => {
    place = await createPlace();
    spec = await createSpec(place, { 'tiny.gguf': tinyGguf() });
    await writeFile(join(place.folder, 'spec.json'), JSON.stringify(spec));
  });
  afterEach(async () => {
    platform?.kill('SIGKILL');
    await runtime?.close();
    runtime = undefined;
    await place.remove();
  });

  /** Starts a platform and resolves with its engine's pid. */
  async function start(graceMs: number): Promise<number> {
    platform = fork(join(import.meta.dirname, 'runtime.child.ts'), [place.folder, String(graceMs)]);
    const [pid] = (await once(platform, 'message')) as [number];
    return pid;
  }

  async function killPlatform(): Promise<void> {
    platform!.kill('SIGKILL');
    await once(platform!, 'exit');
  }

  test('FR-006: without a grace period the engine ends with its platform, and the next one starts anew', async () => {
    const pid = await start(0);
    await killPlatform();
    assert.ok((await untilGone(pid)) < 2_000);
    runtime = await createRuntime(place);
    await runtime.apply(runtime.plan(spec), spec);
    await until(runtime, 'r1', ready);
    assert.notEqual((await healthOf(addressOf(runtime, 'r1'))).pid, pid);
    const records = (await readdir(join(place.folder, 'data/engines/r1'))).filter((name) => name.endsWith('.json'));
    assert.equal(records.length, 1);
  });

  test('FR-006: within its grace period an engine is entered by the next platform and serves on', async () => {
    const pid = await start(20_000);
    await killPlatform();
    runtime = await createRuntime(place, { graceMs: 300 });
    assert.deepEqual(await runtime.list(), ['r1']);
    await until(runtime, 'r1', ready);
    await runtime.apply(runtime.plan(spec), spec);
    await until(runtime, 'r1', ready);
    const address = addressOf(runtime, 'r1');
    assert.equal((await healthOf(address)).pid, pid);
    const body = { messages: [{ role: 'user', content: 'hi' }], temperature: 0 };
    assert.equal((await complete(address, '/chat/completions', body)).choices[0]!.message.content, ANSWER);
    // an entered engine is watched like one's own
    process.kill(pid, 'SIGKILL');
    await until(runtime, 'r1', ({ phase }) => phase === 'degraded');
    await until(runtime, 'r1', ready);
    assert.notEqual((await healthOf(addressOf(runtime, 'r1'))).pid, pid);
  });

  test('FR-006: an engine that nobody enters ends after its grace period', async () => {
    const pid = await start(500);
    await killPlatform();
    assert.ok(alive(pid));
    assert.ok((await untilGone(pid)) < 3_000);
  });

  test('FR-006: a reload keeps its engines, and the next platform enters them', async () => {
    runtime = await createRuntime(place, { graceMs: 10_000, keepEngines: true });
    await runtime.apply(runtime.plan(spec), spec);
    await until(runtime, 'r1', ready);
    const { pid } = await healthOf(addressOf(runtime, 'r1'));
    await runtime.close();
    assert.ok(alive(pid));
    runtime = await createRuntime(place);
    await until(runtime, 'r1', ready);
    assert.equal((await healthOf(addressOf(runtime, 'r1'))).pid, pid);
    await runtime.close();
    await untilGone(pid);
  });

  test('FR-006: a record whose pid now belongs to another process does no harm', async () => {
    const folder = join(place.folder, 'data/engines/r1');
    const pid = await start(0);
    const name = (await readdir(folder)).find((entry) => entry.endsWith('.json'))!;
    const record = JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>;
    await killPlatform();
    await untilGone(pid);
    // this test's own process stands for the innocent one
    await writeFile(join(folder, name), JSON.stringify({ ...record, pid: process.pid }));
    runtime = await createRuntime(place);
    assert.equal((await runtime.observe('r1')).phase, 'absent');
    await runtime.remove('r1', 0);
    assert.deepEqual(await runtime.list(), []);
  });

  test('FR-006: closing the platform ends its engines', async () => {
    runtime = await createRuntime(place);
    await runtime.apply(runtime.plan(spec), spec);
    await until(runtime, 'r1', ready);
    const { pid } = await healthOf(addressOf(runtime, 'r1'));
    await runtime.close();
    await untilGone(pid);
  });
});
