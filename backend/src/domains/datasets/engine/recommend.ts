import type { DatasetProfile, DistributionChange, Recommendation } from '@llm-ops/contracts';
import type { Value } from '#platform/words';
import { labelOf } from '../pii/index.ts';
import { effectOf, isDrift } from './effect.ts';
import type { ScoreFacts } from './score.ts';
import { ofRows as tellRows, piiLabel, words } from './sentences.ts';
import type { ValidateOutput } from './tasks.ts';

export interface RecommendationFacts {
  facts: ScoreFacts;
  profile: DatasetProfile;
  /** findings, exact; those of PII: without what people found to be harmless */
  counts: ValidateOutput['counts'];
  drift: DistributionChange[] | null;
  contamination: ValidateOutput['contamination'];
  tokens: ValidateOutput['tokens'];
  /** what a type of finding is and what to do about it, where it has words of its own */
  advice: Readonly<Record<string, { message: string; fix: string; said?: Recommendation['said'] }>>;
}

type Severity = Recommendation['severity'];
const order: readonly Severity[] = ['error', 'warning', 'info'];
const named = 5;

/** What to do next, worst first. Nothing about what is as it should be. */
export function recommend(known: RecommendationFacts): Recommendation[] {
  const all = [...ofFindings(known), ...ofRows(known), ...ofColumns(known), ...ofFiles(known)];
  return all.toSorted(
    (a, b) => order.indexOf(a.severity) - order.indexOf(b.severity) || (b.count ?? 0) - (a.count ?? 0),
  );
}

const say = (
  severity: Severity,
  told: Pick<Recommendation, 'message' | 'action' | 'said'>,
  about: Partial<Pick<Recommendation, 'kind' | 'type' | 'count'>> = {},
): Recommendation => ({ severity, ...told, kind: null, type: null, count: null, ...about });

const share = (count: number, of: number): string => {
  const percent = (100 * count) / Math.max(1, of);
  return percent > 0 && percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(1)} %`;
};
/** The first names of so many. */
function list(names: readonly string[], count = names.length): Value {
  const shown = names.slice(0, named).map((name) => `“${name}”`);
  return count > named ? words.line('first_names', { names: shown, more: count - named }) : shown;
}

function ofFindings({ counts, facts, advice, contamination, tokens }: RecommendationFacts): Recommendation[] {
  const { rows } = facts;
  const found = counts.filter(({ count }) => count > 0);
  const worse = (count: number): Severity => (count > rows / 100 ? 'error' : 'warning');
  return [
    ...found
      .filter(({ kind }) => kind === 'pii')
      .map(({ kind, type, count }) =>
        say('error', words.tell('pii', { label: piiLabel(type, labelOf(type)), values: count }), { kind, type, count }),
      ),
    ...found
      .filter(({ kind, type }) => (kind === 'schema' || kind === 'chat') && type !== 'chat_too_long')
      .map(({ kind, type, count }) =>
        say(worse(count), tellRows(count, advice[type] ?? words.tell('rule_broken', { name: type })), {
          kind,
          type,
          count,
        }),
      ),
    ...(tokens === null || tokens.over_limit === 0
      ? []
      : [
          say(
            worse(tokens.over_limit),
            words.tell('too_long', { examples: tokens.over_limit, limit: tokens.limit, longest: tokens.longest }),
            { kind: 'chat', type: 'chat_too_long', count: tokens.over_limit },
          ),
        ]),
    ...contamination
      .filter(({ items }) => items > 0)
      .map(({ name, items, rows: overlapping }) =>
        say('warning', words.tell('contamination', { items, name, rows: overlapping }), {
          kind: 'contamination',
          count: overlapping,
        }),
      ),
  ];
}

function ofRows({ facts }: RecommendationFacts): Recommendation[] {
  const { rows, duplicates, missing } = facts;
  const { exact, near } = duplicates;
  const found: Recommendation[] = [];
  if (rows === 0) found.push(say('error', words.tell('rows_none')));
  if (exact > 0) {
    const told = words.tell('duplicates', { rows: exact, share: share(exact, rows) });
    found.push(say(exact > rows / 100 ? 'warning' : 'info', told, { kind: 'duplicate', count: exact }));
  }
  if (near > 0) {
    const told = words.tell('near_duplicates', { rows: near, share: share(near, rows) });
    found.push(say(near > rows / 20 ? 'warning' : 'info', told, { kind: 'near_duplicate', count: near }));
  }
  if (missing.required > 0) {
    const told = words.tell('required_missing', { rows: missing.required });
    found.push(say('error', told, { kind: 'schema', count: missing.required }));
  }
  return found;
}

function ofColumns({ facts, profile, drift }: RecommendationFacts): Recommendation[] {
  const { rows, columns } = profile;
  const absent = (column: (typeof columns)[number]): number => column.missing + column.empty;
  const lacking = columns.filter((column) => absent(column) > rows / 20).toSorted((a, b) => absent(b) - absent(a));
  const empty = lacking.filter((column) => absent(column) === rows);
  const partly = lacking.filter((column) => absent(column) < rows);
  const far = columns.filter(({ outliers }) => outliers > 0).toSorted((a, b) => b.outliers - a.outliers);
  const constant = columns.filter((column) => rows > 1 && column.distinct === 1 && column.missing === 0);
  const drifted = (drift ?? []).filter(isDrift).toSorted((a, b) => effectOf(b) - effectOf(a));
  const drifting = Math.max(drifted.length, facts.drift.columns);
  const values = facts.outliers.values + facts.degenerate.values;
  const namesOf = (some: readonly { name: string }[]) => list(some.map(({ name }) => name));
  const found: Recommendation[] = [];
  const add = (some: readonly unknown[], make: () => Recommendation): void => {
    if (some.length > 0) found.push(make());
  };
  add(empty, () => say('warning', words.tell('columns_empty', { columns: namesOf(empty) }), { count: empty.length }));
  add(partly, () =>
    say('warning', words.tell('values_missing', { columns: namesOf(partly), share: share(absent(partly[0]!), rows) }), {
      count: partly.reduce((sum, column) => sum + absent(column), 0),
    }),
  );
  add(far, () =>
    say('info', words.tell('outliers', { values, columns: namesOf(far) }), { kind: 'outlier', count: values }),
  );
  add(constant, () => say('info', words.tell('constant', { columns: namesOf(constant) }), { count: constant.length }));
  if (facts.imbalance.columns > 0) {
    const told = words.tell('imbalance', { columns: facts.imbalance.columns });
    found.push(say('warning', told, { count: facts.imbalance.columns }));
  }
  add(drifted, () => {
    const names = drifted.map(({ column }) => column);
    return say('warning', words.tell('drift', { columns: list(names, drifting) }), { count: drifting });
  });
  return found;
}

function ofFiles({ facts: { format } }: RecommendationFacts): Recommendation[] {
  const { bad, mixed, noted } = format;
  return [
    ...(bad > 0 ? [say('warning', words.tell('bad_rows', { rows: bad }), { count: bad })] : []),
    ...(mixed > 0 ? [say('warning', words.tell('mixed', { columns: mixed }), { count: mixed })] : []),
    ...(noted > 0 ? [say('info', words.tell('noted', { files: noted }), { count: noted })] : []),
  ];
}
