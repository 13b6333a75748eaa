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
  // changed anew since: not told as put back
  const [waits] = driftConditions(known, 'dev', true);
  assert.equal(waits!.reason, 'ObjectChanged');
  assert.match(waits!.message, /put back after 2026-05-01T12:02:30\.000Z: .* 4 times lately/);
  known = driftStep(known, [image('b')], { now: at(150_000), repair: true })!.record!;
  assert.equal(driftConditions(known, 'dev', true)[0]!.reason, 'Contested');
  assert.equal(driftStep(known, [], { now: at(151_000), repair: true }), null, 'it stays told');
  assert.deepEqual(driftStep(known, [], { now: at(150_000 + 3_600_000), repair: true }), {
    record: null,
    repair: false,
  });
});

test('EC-drift: where it is left, it is written when it is seen, when it becomes another, and when it is over', () => {
  const first = driftStep(null, [image('b')], { now: at(0), repair: false })!;
  assert.equal(first.repair, false);
  // as a database gives it back: the fields in another order
  const stored = JSON.parse(JSON.stringify(first.record)) as DriftRecord;
  const found = stored.found.map((one) => Object.fromEntries(Object.entries(one).toReversed()) as unknown as Drifted);
  assert.equal(driftStep({ ...stored, found }, [image('b')], { now: at(500), repair: false }), null);
  const second = driftStep(first.record, [image('c')], { now: at(1_000), repair: false })!;
  assert.equal(second.record!.since, first.record!.since);
  assert.equal(driftConditions(second.record, 'prod', false)[0]!.reason, 'ObjectChanged');
  assert.deepEqual(driftStep(second.record, [], { now: at(2_000), repair: false }), { record: null, repair: false });
  assert.equal(driftStep(null, [], { now: at(0), repair: true }), null);
});

test('EC-drift: what waits to be put back and is put right by somebody else is over, and how often it was put back is kept', () => {
  const put = driftStep(null, [image('b')], { now: at(0), repair: true })!.record!;
  const waiting = driftStep(put, [image('c')], { now: at(1_000), repair: true })!.record!;
  const over = driftStep(waiting, [], { now: at(2_000), repair: true })!;
  assert.deepEqual([over.repair, over.record!.found, over.record!.repairs], [false, [], 1]);
  assert.deepEqual(driftConditions(over.record, 'dev', true), []);
  assert.equal(driftStep(over.record, [], { now: at(3_000), repair: true }), null);
});

test('EC-drift: of a long list of arguments what differs is told, with the option before it', () => {
  const args = (value: string) => [
    's3://models/a-long-id/1.0.0/',
    ...Array(40).fill('--same'),
    '--max-num-seqs',
    value,
  ];
  const changed = { ...image(''), path: 'args', wanted: [...args('16'), '--last'], found: [...args('64'), '--last'] };
  const { record } = driftStep(null, [changed], { now: at(0), repair: false })!;
  assert.match(
    driftConditions(record, 'prod', false)[0]!.message,
    /args is \["--max-num-seqs","64"\] instead of \["--max-num-seqs","16"\]/,
  );
  const more = { ...changed, found: [...args('16'), '--last', '--enforce-eager'] };
  const [told] = driftConditions(driftStep(null, [more], { now: at(0), repair: false })!.record, 'prod', false);
  assert.match(told!.message, /args is \["--last","--enforce-eager"\] instead of \["--last"\]/);
});
