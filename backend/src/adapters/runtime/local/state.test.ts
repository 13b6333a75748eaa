import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCode } from './engine/protocol.ts';
import { Problem } from './problem.ts';
import { observationOf, type SupervisorState } from './state.ts';

const since = new Date('2026-01-02T03:04:05Z');
const ready = { ready: true, readySince: since, silentSince: null };
const loading = { ready: false, readySince: null, silentSince: null };
const silent = { ready: false, readySince: since, silentSince: since };
const killed = { exit: { code: null, signal: 'SIGKILL' as const, failure: null }, lines: ['last words'], since };

function state(changes: Partial<SupervisorState> = {}): SupervisorState {
  return {
    desired: 1,
    engines: [],
    doing: null,
    problem: null,
    attempts: 0,
    crash: null,
    crashes: 0,
    nextStartAt: null,
    everReady: false,
    ...changes,
  };
}

const phase = (changes: Partial<SupervisorState>): string => observationOf(state(changes)).phase;

test('FR-006r: the phase follows from what is wanted, what answers and what went wrong', () => {
  assert.equal(phase({ engines: [loading] }), 'starting');
  assert.equal(phase({ engines: [ready] }), 'ready');
  assert.equal(phase({ desired: 0 }), 'stopped');
  assert.equal(phase({ desired: 2, engines: [ready, loading] }), 'starting');
  assert.equal(phase({ desired: 2, engines: [ready], everReady: true, crash: killed, crashes: 1 }), 'degraded');
  assert.equal(phase({ everReady: true, crash: killed, crashes: 1 }), 'degraded');
  assert.equal(phase({ everReady: true, engines: [silent] }), 'degraded');
  assert.equal(phase({ crash: killed, crashes: 1 }), 'starting');
  assert.equal(phase({ crash: killed, crashes: 3 }), 'failed');
  assert.equal(phase({ everReady: true, crash: killed, crashes: 3, engines: [ready] }), 'ready');
});

test('FR-006r: a store that is away for a moment does not fail a revision, a wrong digest does', () => {
  const passing = {
    problem: new Problem('PreparationFailed', { message: 'The store is away.', remedy: 'Wait.' }),
    since,
  };
  assert.equal(phase({ problem: passing, attempts: 1 }), 'starting');
  assert.equal(phase({ problem: passing, attempts: 3 }), 'failed');
  const wrong = {
    problem: new Problem('DigestMismatch', { message: 'model.gguf differs.', remedy: 'Restore it.' }),
    since,
  };
  assert.equal(phase({ problem: wrong, attempts: 1 }), 'failed');
  const { conditions } = observationOf(state({ problem: wrong, attempts: 1 }));
  assert.deepEqual(conditions, [
    {
      type: 'Failed',
      reason: 'DigestMismatch',
      message: 'model.gguf differs.',
      remedy: 'Restore it.',
      since: since.toISOString(),
    },
  ]);
});

test('FR-006r: a crash names how it ended, its last lines, the next start and a remedy that fits', () => {
  const nextStartAt = new Date('2026-01-02T03:04:09Z');
  const [byKernel] = observationOf(state({ crash: killed, crashes: 2, nextStartAt })).conditions;
  assert.match(byKernel!.message, /SIGKILL \(2 in a row\).*03:04:09.*\nlast words/s);
  assert.match(byKernel!.remedy, /memory/);
  const exit = { code: exitCode.memory, signal: null, failure: null };
  const [memory] = observationOf(state({ crash: { exit, lines: [], since }, crashes: 1 })).conditions;
  assert.deepEqual([memory!.reason, /memoryLimit/.test(memory!.remedy)], ['MemoryLimitExceeded', true]);
});

test('FR-001: progress says what is done and how far it is', () => {
  const doing = { what: 'copying' as const, doneBytes: 3 * 2 ** 30, totalBytes: 10 * 2 ** 30, since };
  const [copying] = observationOf(state({ doing })).conditions;
  assert.deepEqual([copying!.type, copying!.reason], ['Progressing', 'CopyingModel']);
  assert.equal(copying!.message, '3.0 GiB of 10.0 GiB copied.');
});
