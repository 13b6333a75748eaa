import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { isFailure, type ErrorCode } from '#platform/errors';
import { createWorkers, type Workers } from './index.ts';

const program = fileURLToPath(new URL('./workers.child.ts', import.meta.url));
const log = pino({ level: 'silent' });
const options = { program, concurrency: 2, memoryMb: 200, idleMs: 5_000, log };
let workers: Workers;

before(() => {
  process.env.WORKERS_TEST_SECRET = 'not for the process';
  workers = createWorkers(options);
});
after(() => workers.close());

const fails = (code: ErrorCode, message = /./) => {
  return (error: unknown): boolean => {
    assert.ok(isFailure(error, code), `${code} expected: ${String(error)}`);
    assert.match(error.message, message);
    return true;
  };
};
const run = <O>(task: string, input: unknown = null, timeoutMs = 20_000): Promise<O> =>
  workers.run<O>(task, input, { timeoutMs });

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function gone(pid: number, withinMs: number): Promise<boolean> {
  for (const start = performance.now(); performance.now() - start < withinMs; await delay(20))
    if (!alive(pid)) return true;
  return false;
}

test('FR-003: a task gets its input and answers from a process of its own, which serves the next one too', async () => {
  const input = {
    text: '한글\u0000',
    big: 2n ** 60n,
    bytes: new Uint8Array([1, 2]),
    map: new Map([['a', 1]]),
    none: undefined,
  };
  assert.deepEqual(await run('echo', input), input);
  const pid = await run<number>('pid');
  assert.notEqual(pid, process.pid);
  assert.equal(await run<number>('pid'), pid);
});

test('FR-003: the process inherits no secret', async () => {
  const names = await run<string[]>('env');
  assert.ok(names.includes('PATH'));
  assert.ok(!names.includes('WORKERS_TEST_SECRET'));
});

test('FR-003: no more processes than allowed run at a time, and the rest waits in order', async () => {
  const pids = await Promise.all([0, 1, 2, 3, 4].map(() => run<number>('slow', { ms: 60 })));
  assert.equal(new Set(pids).size, 2);
  const one = createWorkers({ ...options, concurrency: 1 });
  const ended: number[] = [];
  await Promise.all(
    [60, 30, 0].map(async (ms, n) => {
      await one.run('slow', { ms }, { timeoutMs: 20_000 });
      ended.push(n);
    }),
  );
  assert.deepEqual(ended, [0, 1, 2]);
  await one.close();
});

test('FR-003: progress is told at most every 100 ms, the last one always', async () => {
  const seen: unknown[] = [];
  const start = performance.now();
  await workers.run('count', { to: 5_000 }, { timeoutMs: 20_000, onProgress: (value) => seen.push(value) });
  assert.equal(seen.at(-1), 5_000);
  assert.ok(seen.length >= 2 && seen.length <= 3 + (performance.now() - start) / 100, `${seen.length} times`);
});

test('FR-003: a task asks its parent, and hears its failures', async () => {
  const answers = {
    double: async ({ n }: { n: number }) => n * 2,
    refuse: async () => {
      throw new Error('not today');
    },
  };
  const ask = (what: string, payload: unknown = null): Promise<unknown> =>
    workers.run('ask', { what, payload }, { timeoutMs: 20_000, answers });
  assert.equal(await ask('double', { n: 21 }), 42);
  await assert.rejects(ask('refuse'), fails('worker_crashed'));
  await assert.rejects(ask('unknown'), fails('worker_crashed'));
});

test('FR-003: a failure comes over whole; a bug is told as one and its cause kept', async () => {
  await assert.rejects(run('refuse'), (error) => {
    assert.ok(isFailure(error, 'dataset_rejected'));
    assert.equal(error.message, 'Line 3 is broken.');
    assert.equal(error.remedy, 'Mend it.');
    assert.deepEqual(error.issues, [{ path: 'a', message: 'b' }]);
    assert.deepEqual(error.data, { line: 3 });
    return true;
  });
  await assert.rejects(run('bug'), (error) => {
    assert.ok(isFailure(error, 'worker_crashed'));
    assert.match(String((error.cause as Error).stack), /x is not a function[\s\S]*workers\.child\.ts/);
    return true;
  });
  await assert.rejects(run('nothing'), fails('worker_crashed', /no task 'nothing'/));
});

test('FR-003: a full disk is told as such, whether Node or DuckDB met it', async () => {
  await assert.rejects(run('full'), fails('disk_full'));
  await assert.rejects(run('spilled'), fails('disk_full'));
});

test('FR-003: a task that takes too much memory fails alone, within its limit', async () => {
  await assert.rejects(run('grow'), fails('worker_memory', /of 200 MiB/));
  await assert.rejects(run('heap'), fails('worker_memory'));
  assert.equal(await run('echo', 'still here'), 'still here');
});

test('FR-003: a crash, an exit and an answer that cannot be sent fail one task', async () => {
  await assert.rejects(run('crash'), fails('worker_crashed', /SIGABRT/));
  await assert.rejects(run('exit'), fails('worker_crashed', /code 3/));
  await assert.rejects(run('wrong'), fails('worker_crashed'));
  assert.equal(await run('echo', 'still here'), 'still here');
  await assert.rejects(
    run('echo', () => {}),
    /could not be cloned/,
  );
  assert.equal(await run('echo', 'still here'), 'still here');
});

test('FR-003: a task that takes too long is ended, even one that computes without a pause', async () => {
  await assert.rejects(run('spin', { ms: 20_000 }, 400), fails('worker_timeout'));
  await assert.rejects(run('slow', { ms: 20_000 }, 400), fails('worker_timeout'));
});

test('FR-003: an aborted task is ended at once, running or waiting, and its process is gone', async () => {
  const controller = new AbortController();
  const reason = new Error('no longer wanted');
  let pid = 0;
  const deaf = workers.run('deaf', null, {
    timeoutMs: 20_000,
    signal: controller.signal,
    onProgress: (value) => (pid = value as number),
  });
  const others = [run('slow', { ms: 400 })];
  const waiting = workers.run('echo', 1, { timeoutMs: 20_000, signal: controller.signal });
  const refused = assert.rejects(waiting, reason);
  while (pid === 0) await delay(10);
  controller.abort(reason);
  await assert.rejects(deaf, reason);
  assert.ok(!alive(pid));
  await refused;
  await assert.rejects(workers.run('echo', 1, { timeoutMs: 1_000, signal: controller.signal }), reason);
  await Promise.all(others);
});

test('FR-003: idle processes end, and closing ends those under way', async () => {
  const brief = createWorkers({ ...options, concurrency: 1, idleMs: 50 });
  const first = await brief.run<number>('pid', null, { timeoutMs: 20_000 });
  assert.ok(await gone(first, 2_000));
  const once = createWorkers({ ...options, idleMs: 0 });
  assert.ok(await gone(await once.run<number>('pid', null, { timeoutMs: 20_000 }), 2_000));
  const under = brief.run('slow', { ms: 20_000 }, { timeoutMs: 20_000 });
  const queued = brief.run('echo', 1, { timeoutMs: 20_000 });
  const ends = [
    assert.rejects(under, fails('worker_crashed', /closing/)),
    assert.rejects(queued, fails('worker_crashed', /closing/)),
  ];
  await delay(300);
  await brief.close();
  await Promise.all(ends);
  await assert.rejects(brief.run('echo', 1, { timeoutMs: 1_000 }), fails('worker_crashed', /closing/));
});

test('FR-003: no process outlives the server, not even one that hears nothing', async () => {
  const code = `
    import { createWorkers } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const log = { warn() {}, error() {} };
    const workers = createWorkers({ program: ${JSON.stringify(program)}, concurrency: 2, memoryMb: 300, idleMs: 1000, log });
    for (const [task, input] of [['orphan', { file: '/dev/null' }], ['deaf', null]])
      workers.run(task, input, { timeoutMs: 60000, onProgress: (pid) => process.send(pid) }).catch(() => {});
  `;
  const server = fork('-', [], { execArgv: ['--input-type=module', '-e', code], stdio: 'inherit' });
  const pids: number[] = [];
  await new Promise<void>((resolve) => server.on('message', (pid) => pids.push(pid as number) === 2 && resolve()));
  await delay(150);
  server.kill('SIGKILL');
  for (const pid of pids) assert.ok(await gone(pid, 3_000), 'a process outlived its server');
});
