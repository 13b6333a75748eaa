import assert from 'node:assert/strict';
import { test } from 'node:test';
import { added, cpuOfRequest, figureOf, median, ratio, type Round } from './figures.ts';
import type { Measured } from './load.ts';
import { verdicts } from './verdicts.ts';

const measured = (extra: Partial<Measured>): Measured => ({
  sent: 10,
  ok: 10,
  bad: 0,
  reason: '',
  seconds: 1,
  p50: 1,
  p99: 2,
  firstP50: 1,
  events: 0,
  cpuMicros: -1,
  rssMb: -1,
  ...extra,
});
const round = (scenario: string, peers: Record<string, Partial<Measured>>): Round =>
  new Map([[scenario, new Map(Object.entries(peers).map(([name, extra]) => [name, measured(extra)]))]]);

test('FR-006l: a ratio is the median of the rounds’ own ratios, so that a slow round does not count', () => {
  const rounds = [
    round('ns32', { plain: { cpuMicros: 100 }, ours: { cpuMicros: 150 } }),
    round('ns32', { plain: { cpuMicros: 1000 }, ours: { cpuMicros: 1400 } }),
    round('ns32', { plain: { cpuMicros: 100 }, ours: { cpuMicros: 160 } }),
  ];
  assert.equal(median(ratio(rounds, 'ns32', 'ours', 'plain', cpuOfRequest)), 1.5);
  assert.deepEqual(figureOf(rounds, 'ns32', 'ours', cpuOfRequest), [15, 140, 16]);
  const [first] = verdicts(rounds, 'ours');
  assert.deepEqual([first?.reached, first?.mark, first?.spread], ['1.50', '✓ must', '1.40 to 1.60']);
});

test('FR-006l: what was not measured, or was never answered, meets nothing', () => {
  const rounds = [
    round('ns32', { plain: { cpuMicros: 100 }, ours: { cpuMicros: 10, ok: 0, bad: 10 } }),
    round('ns1', { direct: { p50: 0.03 }, ours: { p50: 0.18 } }),
  ];
  const marks = Object.fromEntries(verdicts(rounds, 'ours').map(({ figure, mark }) => [figure, mark]));
  assert.equal(marks['CPU a request, 32 connections: against plain Node'], 'not measured');
  assert.equal(marks['added latency at 1 connection, p50'], '✓ aim');
  assert.equal(marks['memory at 128 connections'], 'not measured');
  assert.ok(Number.isNaN(median([])));
  assert.deepEqual(
    added([], 'ns1', 'ours', ({ p50 }) => p50),
    [],
  );
});
