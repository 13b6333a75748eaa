import type { DatasetProfile, DistributionChange, Recommendation } from '@llm-ops/contracts';
import { labelOf } from '../pii/index.ts';
import { effectOf, isDrift } from './effect.ts';
import type { ScoreFacts } from './score.ts';
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
  advice: Readonly<Record<string, { message: string; fix: string }>>;
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
  message: string,
  action: string,
  about: Partial<Pick<Recommendation, 'kind' | 'type' | 'count'>> = {},
): Recommendation => ({ severity, message, action, kind: null, type: null, count: null, ...about });

const number = (value: number): string => value.toLocaleString('en-US');
const many = (count: number, one: string, more = `${one}s`): string => `${number(count)} ${count === 1 ? one : more}`;
const share = (count: number, of: number): string => {
  const percent = (100 * count) / Math.max(1, of);
  return percent > 0 && percent < 0.1 ? 'under 0.1 %' : `${percent.toFixed(1)} %`;
};
/** `a, b and 3 more` */
/** The first names of so many. */
function list(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, named).map((name) => `“${name}”`);
  return count > named ? `${shown.join(', ')} and ${count - named} more` : shown.join(', ');
}

function ofFindings({ counts, facts, advice, contamination, tokens }: RecommendationFacts): Recommendation[] {
  const { rows } = facts;
  const found = counts.filter(({ count }) => count > 0);
  const worse = (count: number): Severity => (count > rows / 100 ? 'error' : 'warning');
  return [
    ...found
      .filter(({ kind }) => kind === 'pii')
      .map(({ kind, type, count }) =>
        say(
          'error',
          `${labelOf(type)}: ${many(count, 'value')}, personal or secret.`,
          'Make a redacted version, or look at each finding and mark it as false positive or accepted.',
          { kind, type, count },
        ),
      ),
    ...found
      .filter(({ kind, type }) => (kind === 'schema' || kind === 'chat') && type !== 'chat_too_long')
      .map(({ kind, type, count }) => {
        const { message, fix } = advice[type] ?? {
          message: `The rule ${type} is broken.`,
          fix: 'Correct these rows in the source and add them as a new version, or change the rule.',
        };
        return say(worse(count), `${many(count, 'row')}: ${message}`, fix, { kind, type, count });
      }),
    ...(tokens === null || tokens.over_limit === 0
      ? []
      : [
          say(
            worse(tokens.over_limit),
            `${many(tokens.over_limit, 'example')} with more than ${number(tokens.limit)} tokens; the longest has ${number(tokens.longest)}.`,
            'Shorten or split them, or choose a base model with a longer context; else training cuts them off.',
            { kind: 'chat', type: 'chat_too_long', count: tokens.over_limit },
          ),
        ]),
    ...contamination
      .filter(({ items }) => items > 0)
      .map(({ name, items, rows: overlapping }) =>
        say(
          'warning',
          `${many(items, 'item')} of the benchmark “${name}” found in ${many(overlapping, 'row')}.`,
          'Remove these rows; else scores on that benchmark show what was learned by heart.',
          { kind: 'contamination', count: overlapping },
        ),
      ),
  ];
}

function ofRows({ facts }: RecommendationFacts): Recommendation[] {
  const { rows, duplicates, missing } = facts;
  const found: Recommendation[] = [];
  if (rows === 0) found.push(say('error', 'There are no rows.', 'Add files with rows.'));
  if (duplicates.exact > 0) {
    found.push(
      say(
        duplicates.exact > rows / 100 ? 'warning' : 'info',
        `${many(duplicates.exact, 'exact duplicate')}: ${share(duplicates.exact, rows)} of the rows.`,
        'Keep the first of each; repeated rows weigh more in training and leak between splits.',
        { kind: 'duplicate', count: duplicates.exact },
      ),
    );
  }
  if (duplicates.near > 0) {
    found.push(
      say(
        duplicates.near > rows / 20 ? 'warning' : 'info',
        `${many(duplicates.near, 'near duplicate')}: ${share(duplicates.near, rows)} of the rows.`,
        'Look at some pairs; keep one of each where the difference means nothing.',
        { kind: 'near_duplicate', count: duplicates.near },
      ),
    );
  }
  if (missing.required > 0) {
    found.push(
      say(
        'error',
        `${many(missing.required, 'row')} without a value that the type of the dataset or a rule requires.`,
        'Fill these values in, or remove the rows.',
        { kind: 'schema', count: missing.required },
      ),
    );
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
  const found: Recommendation[] = [];
  const add = (list: readonly unknown[], make: () => Recommendation): void => {
    if (list.length > 0) found.push(make());
  };
  add(empty, () =>
    say('warning', `Nothing is in ${list(empty.map(({ name }) => name))}.`, 'Remove these columns, or fill them in.', {
      count: empty.length,
    }),
  );
  add(partly, () =>
    say(
      'warning',
      `Values are missing in ${list(partly.map((column) => column.name))}: up to ${share(absent(partly[0]!), rows)} of the rows.`,
      'Fill them in, remove these rows, or leave the columns out of training.',
      { count: partly.reduce((sum, column) => sum + absent(column), 0) },
    ),
  );
  add(far, () =>
    say(
      'info',
      `${many(facts.outliers.values + facts.degenerate.values, 'value')} far from the others, most in ${list(far.map(({ name }) => name))}.`,
      'Look at the extremes in the preview; correct what is a mistake.',
      { kind: 'outlier', count: facts.outliers.values + facts.degenerate.values },
    ),
  );
  add(constant, () =>
    say(
      'info',
      `Every row has the same value in ${list(constant.map(({ name }) => name))}.`,
      'Leave these columns out of training; they tell nothing apart.',
      { count: constant.length },
    ),
  );
  if (facts.imbalance.columns > 0) {
    found.push(
      say(
        'warning',
        `In ${many(facts.imbalance.columns, 'column')} of labels one value stands for nearly all rows.`,
        'Add examples of the others, or sample the frequent one less.',
        { count: facts.imbalance.columns },
      ),
    );
  }
  add(drifted, () =>
    say(
      'warning',
      `The distribution differs from the previous version in ${list(
        drifted.map(({ column }) => column),
        drifting,
      )}.`,
      'Compare the versions; note in the change log whether that is meant.',
      { count: drifting },
    ),
  );
  return found;
}

function ofFiles({ facts: { format } }: RecommendationFacts): Recommendation[] {
  const found: Recommendation[] = [];
  if (format.bad > 0) {
    found.push(
      say(
        'warning',
        `${many(format.bad, 'row')} left out: they could not be read.`,
        'Correct the lines that the file’s issues name, and add the file to a new version.',
        { count: format.bad },
      ),
    );
  }
  if (format.mixed > 0) {
    found.push(
      say(
        'warning',
        `Values of several types in ${many(format.mixed, 'column')}.`,
        'Write each column in one type; the preview shows which are mixed.',
        { count: format.mixed },
      ),
    );
  }
  if (format.noted > 0) {
    found.push(
      say(
        'info',
        `${many(format.noted, 'file')} converted, or with a note.`,
        'Read the notes of the files; look whether all letters came out right. UTF-8 needs no conversion.',
        { count: format.noted },
      ),
    );
  }
  return found;
}
