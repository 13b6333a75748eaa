/** A program of tasks that misbehave in every way; `workers.test.ts` runs it. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { failure } from '#platform/errors';
import { serveTasks, type TaskContext } from './index.ts';

const kept: Buffer[] = [];

serveTasks({
  echo: async (input: unknown) => input,
  pid: async () => process.pid,
  env: async () => Object.keys(process.env),
  slow: async ({ ms }: { ms: number }) => delay(ms, process.pid),
  spin: async ({ ms }: { ms: number }) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
    return 'spun';
  },
  count: async ({ to }: { to: number }, { progress }: TaskContext) => {
    for (let n = 1; n <= to; n++) {
      progress(n);
      if (n % 100 === 0) await delay(5);
    }
  },
  ask: async ({ what, payload }: { what: string; payload: unknown }, { ask }: TaskContext) => ask(what, payload),
  refuse: async () => {
    throw failure('dataset_rejected', {
      message: 'Line 3 is broken.',
      remedy: 'Mend it.',
      issues: [{ path: 'a', message: 'b' }],
      data: { line: 3 },
    });
  },
  bug: async () => {
    throw new TypeError('x is not a function');
  },
  full: async () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  },
  spilled: async () => {
    throw new Error('IO Error: Could not write file "x": No space left on device');
  },
  // Without a pause, so that only the watching thread can see it.
  grow: async () => {
    for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1));
  },
  heap: async () => {
    const all: unknown[] = [];
    for (;;) all.push({ some: [all.length] });
  },
  crash: async () => process.abort(),
  exit: async () => process.exit(3),
  wrong: async () => () => 'a function cannot be sent',
  orphan: async ({ file }: { file: string }, { progress }: TaskContext) => {
    progress(process.pid);
    for (;;) {
      appendFileSync(file, '.');
      await delay(20);
    }
  },
  /** as above, and deaf: no timer and no message gets a turn */
  deaf: async (_: unknown, { progress }: TaskContext) => {
    progress(process.pid);
    await delay(50);
    for (;;);
  },
});
