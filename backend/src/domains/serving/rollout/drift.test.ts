import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Drifted } from '#ports/runtime';
import { driftConditions, driftStep, type DriftRecord } from './drift.ts';

const start = Date.parse('2026-05-01T12:00:00Z');
const at = (ms: number) => new Date(start + ms);
const image = (found: string): Drifted => ({
  object: 'Deployment d',
  path: 'spec.image',
  wanted: 'a',
  found,
  by: 'kubectl-edit',
  at: null,
});

test('EC-drift: put back at once, then after 10, 20, 40 … s while somebody keeps changing it, and told as contested', () => {
  let known: DriftRecord | null = null;
  const repairs: number[] = [];
  for (let ms = 0; ms <= 120_000; ms += 500) {
    const step = driftStep(known, [image('b')], { now: at(ms), repair: true });
    if (step?.repair === true) repairs.push(ms);
    if (step !== null) known = step.record;
  }
  assert.deepEqual(repairs, [0, 10_000, 30_000, 70_000]);
  assert.equal(driftConditions(known, 'dev', true)[0]!.reason, 'Contested');
  assert.equal(driftStep(known, [], { now: at(120_000), repair: true }), null, 'it stays told');
  assert.deepEqual(driftStep(known, [], { now: at(70_000 + 3_600_000), repair: true }), {
    record: null,
    repair: false,
  });
});

test('EC-drift: where it is left, it is written when it is seen, when it becomes another, and when it is over', () => {
  const first = driftStep(null, [image('b')], { now: at(0), repair: false })!;
  assert.equal(first.repair, false);
  assert.equal(driftStep(first.record, [image('b')], { now: at(500), repair: false }), null);
  const second = driftStep(first.record, [image('c')], { now: at(1_000), repair: false })!;
  assert.equal(second.record!.since, first.record!.since);
  assert.equal(driftConditions(second.record, 'prod', false)[0]!.reason, 'ObjectChanged');
  assert.deepEqual(driftStep(second.record, [], { now: at(2_000), repair: false }), { record: null, repair: false });
  assert.equal(driftStep(null, [], { now: at(0), repair: true }), null);
});
