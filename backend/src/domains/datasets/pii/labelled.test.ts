import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPiiScanner } from './index.ts';
import { labelledSet, type Labelled } from './labelled/index.ts';
import { piiTypes, type PiiMatch } from './types.ts';

interface Score {
  hit: number;
  missed: number;
  wrong: number;
}

function judge(set: readonly Labelled[]) {
  const scanner = createPiiScanner({ types: null, rules: [] });
  const found: PiiMatch[][] = set.map(() => []);
  scanner.scan(
    set.map(({ text }) => text),
    (index, match) => found[index]!.push(match),
  );
  const scores = new Map<string, Score>(piiTypes.map(({ type }) => [type, { hit: 0, missed: 0, wrong: 0 }]));
  const failures: string[] = [];
  set.forEach(({ text, expected }, index) => {
    const left = [...found[index]!];
    for (const { type, start, end } of expected) {
      const at = left.findIndex((match) => match.type === type && match.start === start && match.end === end);
      if (at >= 0) left.splice(at, 1);
      else failures.push(`missed ${type} «${text.slice(start, end)}» in «${text}»`);
      scores.get(type)![at >= 0 ? 'hit' : 'missed']++;
    }
    for (const { type, start, end } of left) {
      failures.push(`wrong ${type} «${text.slice(start, end)}» in «${text}»`);
      scores.get(type)!.wrong++;
    }
  });
  return { scores, failures };
}

const share = (part: number, rest: number): number => (part + rest === 0 ? 1 : part / (part + rest));

test('FR-003c: personal data is found with recall of 0.98 and precision of 0.95, and spans are exact', (t) => {
  const set = labelledSet();
  assert.ok(set.length >= 1000);
  const { scores, failures } = judge(set);
  const all: Score = { hit: 0, missed: 0, wrong: 0 };
  for (const [type, { hit, missed, wrong }] of scores) {
    t.diagnostic(
      `${type.padEnd(13)} recall ${share(hit, missed).toFixed(3)}  precision ${share(hit, wrong).toFixed(3)}  of ${hit + missed}`,
    );
    all.hit += hit;
    all.missed += missed;
    all.wrong += wrong;
    assert.ok(hit + missed >= 20, `${type} is in the set ${hit + missed} times`);
  }
  const [recall, precision] = [share(all.hit, all.missed), share(all.hit, all.wrong)];
  t.diagnostic(
    `all: recall ${recall.toFixed(4)}  precision ${precision.toFixed(4)}  of ${all.hit + all.missed} in ${set.length} texts`,
  );
  const told = failures.slice(0, Number(process.env['PII_FAILURES'] ?? 20)).join('\n');
  assert.ok(recall >= 0.98 && precision >= 0.95, told);
  if (process.env['PII_FAILURES'] !== undefined) t.diagnostic(told);
});
