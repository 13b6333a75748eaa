import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Observation, RevisionPhase } from '#ports/runtime';
import { busy, decide, removalBackoffMs, type EndpointView, type RevisionView, type World } from './decide.ts';
import { statusOf } from './status.ts';

const now = new Date('2026-05-01T12:00:00Z');
const ago = (ms: number) => new Date(now.getTime() - ms);
const limits = {
  drainMs: 10_000,
  drainMaxMs: 300_000,
  rolloutTimeoutMs: 600_000,
  crash: { limit: 3, settleMs: 5_000 },
  verification: { attempts: 2, timeoutMs: 30_000, prompt: 'Hello' },
  verify: ['dev', 'stg', 'prod'] as const,
  repairDrift: ['dev', 'stg'] as const,
  watch: { ms: 60_000, everyMs: 0, minimumRequests: 20, moreErrors: 1, slower: 20 },
};
const revision = (number: number, changes: Partial<RevisionView> = {}): RevisionView => ({
  id: `r${number}`,
  number,
  runtime: 'local',
  external: false,
  state: 'live',
  message: null,
  conditions: [],
  crashes: 0,
  verifyAttempts: 0,
  appliedGeneration: 1,
  removeAttempts: 0,
  failingSince: null,
  startedAt: ago(1_000),
  verifiedAt: null,
  liveAt: null,
  drainingAt: null,
  failedAt: null,
  removeAfter: null,
  removedAt: null,
  ...changes,
});
const endpoint = (revisions: RevisionView[], changes: Partial<EndpointView> = {}): EndpointView => ({
  id: 'e',
  name: 'assistant',
  environment: 'dev',
  desired: 'running',
  desiredReason: null,
  targetRevision: revisions.at(-1)!.number,
  liveRevision: 0,
  minReplicas: 1,
  maxReplicas: 1,
  autoscale: null,
  generation: 1,
  status: 'deploying',
  replicas: { total: 0, ready: 0, available: 0 },
  conditions: [],
  lastHealthCheck: null,
  drift: null,
  canary: null,
  revisions,
  pinned: [],
  ...changes,
});
const seen = (phase: RevisionPhase, message?: string): Observation => {
  const ready = phase === 'ready' ? 1 : 0;
  const conditions =
    message === undefined
      ? []
      : [{ type: 'Engine', reason: 'Exited', message, remedy: 'Look.', since: ago(0).toISOString() }];
  return { phase, replicas: { total: 1, ready, available: ready }, conditions };
};
const world = (observations: Record<string, Observation> = {}, inFlight = 0): World => ({
  now,
  observations: new Map(Object.entries(observations)),
  drifts: new Map(),
  compared: null,
  inFlight: () => inFlight,
});
const does = (one: EndpointView, at: World) =>
  decide(one, at, limits).map((action) =>
    `${action.do} ${'revision' in action ? action.revision : 'to' in action ? `${action.from}→${action.to}` : ''}`.trim(),
  );

test('DEP-4, golden: each step of a rollout follows from what is wanted and seen', () => {
  const old = revision(1);
  const rollout = (changes: Partial<RevisionView>, observation: Observation) =>
    does(endpoint([old, revision(2, changes)], { liveRevision: 1 }), world({ r1: seen('ready'), r2: observation }));
  assert.deepEqual(rollout({ state: 'pending' }, seen('absent')), ['apply r2']);
  assert.deepEqual(rollout({ state: 'starting' }, seen('starting')), []);
  assert.deepEqual(rollout({ state: 'starting' }, seen('absent')), ['apply r2']);
  assert.deepEqual(rollout({ state: 'starting' }, seen('ready')), ['verify r2']);
  assert.deepEqual(rollout({ state: 'verifying', verifyAttempts: 1 }, seen('ready')), ['verify r2']);
  assert.deepEqual(rollout({ state: 'verifying', verifyAttempts: 2 }, seen('ready')), ['fail r2']);
  assert.deepEqual(rollout({ state: 'verifying', verifiedAt: ago(1) }, seen('ready')), ['switch r1→r2']);
  assert.deepEqual(rollout({ state: 'starting', external: true }, seen('ready')), ['switch r1→r2']);
  assert.deepEqual(rollout({ state: 'starting' }, seen('failed')), ['mark r2']);
  assert.deepEqual(rollout({ state: 'starting', failingSince: ago(1_000), crashes: 1 }, seen('failed')), []);
  assert.deepEqual(rollout({ state: 'starting', failingSince: ago(1_000), crashes: 1 }, seen('starting')), ['mark r2']);
  assert.deepEqual(rollout({ state: 'starting', failingSince: ago(5_000), crashes: 1 }, seen('failed')), ['fail r2']);
  assert.deepEqual(rollout({ state: 'starting', crashes: 3 }, seen('starting')), ['fail r2']);
  assert.deepEqual(rollout({ state: 'starting', startedAt: ago(600_001) }, seen('starting')), ['fail r2']);
  assert.deepEqual(rollout({ state: 'failed' }, seen('failed')), ['remove r2']);
  assert.deepEqual(rollout({ state: 'failed', removedAt: ago(1) }, seen('absent')), []);
});

test('FR-006j, golden: what is not wanted any more drains, waits for its requests and is removed; what never served goes at once', () => {
  const after = (changes: Partial<RevisionView>, inFlight = 0) =>
    does(
      endpoint([revision(1, changes), revision(2)], { liveRevision: 2 }),
      world({ r1: seen('ready'), r2: seen('ready') }, inFlight),
    );
  assert.deepEqual(after({ state: 'live' }), ['mark r1']);
  assert.deepEqual(after({ state: 'draining', drainingAt: ago(9_000) }), []);
  assert.deepEqual(after({ state: 'draining', drainingAt: ago(10_000) }), ['remove r1']);
  assert.deepEqual(after({ state: 'draining', drainingAt: ago(10_000) }, 1), [], 'requests are under way');
  assert.deepEqual(after({ state: 'draining', drainingAt: ago(300_000) }, 1), ['remove r1'], 'but not for ever');
  assert.deepEqual(
    after({ state: 'retired', removeAfter: new Date(now.getTime() + 1) }),
    [],
    'its removal failed a moment ago',
  );
  assert.deepEqual(after({ state: 'starting' }), ['retire r1']);
  assert.deepEqual(after({ state: 'pending' }), ['retire r1']);
  assert.deepEqual([1, 2, 3, 20].map(removalBackoffMs), [1_000, 2_000, 4_000, 60_000]);
});

test('FR-006i, golden: a stop or delete takes the traffic away first; a deleted endpoint is forgotten when nothing is left', () => {
  const one = (desired: 'stopped' | 'deleted', changes: Partial<RevisionView>) =>
    does(
      endpoint([revision(1, changes)], { desired, liveRevision: changes.state === undefined ? 1 : 0 }),
      world({ r1: seen('ready') }),
    );
  assert.deepEqual(one('stopped', {}), ['cut r1']);
  assert.deepEqual(one('deleted', {}), ['cut r1']);
  assert.deepEqual(one('deleted', { state: 'draining', drainingAt: ago(20_000) }), ['remove r1']);
  assert.deepEqual(one('deleted', { state: 'retired', removedAt: ago(1) }), ['forget']);
  assert.deepEqual(one('stopped', { state: 'retired', removedAt: ago(1) }), []);
});

test('FR-006r, golden: what serves is kept alive, scaled, and given back its traffic when its successor fails at once', () => {
  const live = (changes: Partial<RevisionView>, observation: Observation, more: Partial<EndpointView> = {}) =>
    does(endpoint([revision(1, changes)], { liveRevision: 1, ...more }), world({ r1: observation }));
  assert.deepEqual(live({}, seen('ready')), []);
  assert.deepEqual(live({}, seen('failed')), [], 'the runtime restarts it');
  assert.deepEqual(live({}, seen('absent')), ['apply r1']);
  assert.deepEqual(live({}, seen('ready'), { generation: 2 }), ['apply r1']);
  const pair = endpoint([revision(1, { state: 'draining', drainingAt: ago(1) }), revision(2)], { liveRevision: 2 });
  assert.deepEqual(decide(pair, world({ r1: seen('ready'), r2: seen('failed', 'out of memory') }), limits), [
    { do: 'fail', revision: 'r2', backTo: 'r1', reason: 'Exited', message: 'out of memory', remedy: 'Look.' },
  ]);
  assert.equal(busy(pair), true);
});

test('FR-006r: the status follows the revision that serves', () => {
  const status = (phase: RevisionPhase, message?: string, changes: Partial<EndpointView> = {}) =>
    statusOf(endpoint([revision(1)], { liveRevision: 1, ...changes }), world({ r1: seen(phase, message) }), limits)
      .status;
  assert.equal(status('ready'), 'healthy');
  assert.equal(status('degraded', 'one of two is gone'), 'degraded');
  assert.equal(status('failed', 'gone'), 'failed');
  assert.equal(status('starting', 'restarting after a crash'), 'degraded');
  assert.equal(status('starting'), 'deploying');
  assert.equal(status('ready', undefined, { desired: 'stopped' }), 'stopped');
  assert.equal(status('ready', undefined, { desired: 'deleted' }), 'deleting');
  assert.equal(status('starting', undefined, { liveRevision: 0 }), 'deploying');
});

test('FR-006r: a condition that says the same keeps its time, so that nothing is written', () => {
  const first = statusOf(endpoint([revision(1)], { liveRevision: 1 }), world({ r1: seen('failed', 'gone') }), limits);
  const later = { ...world({ r1: seen('failed', 'gone') }), now: new Date(now.getTime() + 60_000) };
  const second = statusOf(endpoint([revision(1)], { liveRevision: 1, conditions: first.conditions }), later, limits);
  assert.deepEqual(second, first);
});

test('EC-drift: what serves and was taken away by others is put back at once whatever the policy is, and told as that', () => {
  const gone = { object: 'Deployment d', path: '', wanted: null, found: null, by: null, at: null };
  const one = endpoint([revision(1)], { liveRevision: 1 });
  const at = { ...world({ r1: { phase: 'absent', replicas: { total: 1, ready: 1, available: 1 }, conditions: [] } }) };
  const [back] = decide(one, { ...at, drifts: new Map([['r1', [gone]]]) }, limits);
  assert.ok(back?.do === 'apply' && back.lost?.repairs === 1 && back.lost.waiting === false, JSON.stringify(back));
  assert.deepEqual(back.lost.found, [gone]);
  // one that we change ourselves, or could not apply
  for (const ours of [{ appliedGeneration: 0 }, { message: 'forbidden' }]) {
    const [plain] = decide(
      endpoint([revision(1, ours)], { liveRevision: 1 }),
      { ...at, drifts: new Map([['r1', [gone]]]) },
      limits,
    );
    assert.deepEqual(plain, { do: 'apply', revision: 'r1', fresh: false });
  }
});

test('DEP-4, FR-006r: what could not be applied is told as that, not as an engine that crashed', () => {
  const of = (changes: Partial<RevisionView>, phase: Observation['phase']) => {
    const one = endpoint([revision(1, { state: 'starting', crashes: 3, ...changes })]);
    const replicas = { total: 0, ready: 0, available: 0 };
    const [action] = decide(one, world({ r1: { phase, replicas, conditions: [] } }), limits);
    return action?.do === 'fail' ? `${action.reason}: ${action.message}` : action?.do;
  };
  assert.equal(of({ message: 'forbidden' }, 'absent'), 'ApplyFailed: It could not be applied: forbidden');
  assert.match(of({ message: 'exit 1' }, 'starting')!, /^CrashLoop: /);
});
