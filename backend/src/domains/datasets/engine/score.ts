import {
  scoreParts,
  type DatasetFileFacts,
  type DatasetProfile,
  type QualityScore,
  type ScoreWeights,
} from '@llm-ops/contracts';
import type { Value } from '#platform/words';
import { scoreWords } from './sentences.ts';

type Part = (typeof scoreParts)[number];
type LossName = Extract<Parameters<typeof scoreWords.line>[0], `${string}_lost`>;

/** What the score is made of: counts alone. A count of faults that grows never raises the score. */
export interface ScoreFacts {
  /** that were accepted */
  rows: number;
  missing: {
    /** null or blank */
    cells: number;
    /** all cells: rows × columns */
    of: number;
    /** rows that lack a value which the type of the dataset or a rule requires */
    required: number;
  };
  /** rows beyond the first of their kind */
  duplicates: { exact: number; near: number };
  /** numbers far from the others */
  outliers: { values: number; of: number };
  /** texts far shorter or longer than the others of their column */
  degenerate: { values: number; of: number };
  /** columns whose distribution differs from the previous version's; of 0: nothing was compared */
  drift: { columns: number; of: number };
  /** columns of labels of which one stands for nearly all rows */
  imbalance: { columns: number; of: number };
  /** broken rules: of the type and of columns (one for each rule and row), and of chats */
  violations: { rules: number; chat: number };
  format: {
    /** rows that were left out */
    bad: number;
    /** files that were not UTF-8, or about which there is a note */
    noted: number;
    files: number;
    /** columns with values of several types */
    mixed: number;
    columns: number;
  };
}

/** Points of a hundred that a part loses when all of it is at fault; `0.5`: half of them. */
const costs = {
  required: 1,
  exact: 1,
  near: 0.5,
  outliers: 4,
  degenerate: 1,
  drift: 0.5,
  imbalance: 0.5,
  rules: 1,
  chat: 1,
  bad: 2,
  noted: 0.1,
  mixed: 0.5,
} as const;

/** One reason for points lost: `count` of `of` at fault. */
interface Loss {
  what: LossName;
  count: number;
  of: number;
  cost: number;
}

/**
 * Five parts and their weighted mean, 0 to 100, rounded down to hundredths, so that 100 means without a fault. Each part loses its costs times
 * the shares at fault: `100 × (1 − cost × count / of − …)`, at least 0. Weights that are all 0 count as equal. Without rows all is 0.
 */
export function score(facts: ScoreFacts, options: { weights: ScoreWeights; threshold: number }): QualityScore {
  const losses = lossesOf(facts);
  const breakdown = perPart((part) => (facts.rows === 0 ? 0 : pointsOf(losses[part])));
  const weights = scoreParts.some((part) => options.weights[part] > 0) ? options.weights : perPart(() => 1);
  const sum = scoreParts.reduce((total, part) => total + weights[part], 0);
  const overall = floored(scoreParts.reduce((total, part) => total + weights[part] * breakdown[part], 0) / sum);
  const means = scoreParts.map((part) => `${weights[part]} × ${breakdown[part]}`).join(' + ');
  const lines = scoreParts.map((part) =>
    scoreWords.line('part', {
      part: scoreWords.line(part),
      sum: formulaOf(losses[part]),
      points: String(breakdown[part]),
    }),
  );
  const told = [
    scoreWords.line('overall', { means, sum: String(sum), overall: String(overall) }),
    ...(facts.rows === 0 ? [scoreWords.line('no_rows')] : lines),
  ].reduceRight((rest, first) => scoreWords.line('two_lines', { first, rest }));
  return {
    overall,
    breakdown,
    weights: options.weights,
    threshold: options.threshold,
    ...scoreWords.tell('whole', { lines: told }),
  };
}

function lossesOf(facts: ScoreFacts): Record<Part, Loss[]> {
  const { rows, missing, duplicates, outliers, degenerate, drift, imbalance, violations, format } = facts;
  const loss = (what: LossName, count: number, of: number, cost: number): Loss => ({ what, count, of, cost });
  return {
    missing_values: [
      loss('cells_lost', missing.cells, missing.of, 1),
      loss('required_lost', missing.required, rows, costs.required),
    ],
    duplicates: [
      loss('exact_lost', duplicates.exact, rows, costs.exact),
      loss('near_lost', duplicates.near, rows, costs.near),
    ],
    distribution: [
      loss('outliers_lost', outliers.values, outliers.of, costs.outliers),
      loss('degenerate_lost', degenerate.values, degenerate.of, costs.degenerate),
      loss('drift_lost', drift.columns, drift.of, costs.drift),
      loss('imbalance_lost', imbalance.columns, imbalance.of, costs.imbalance),
    ],
    schema_compliance: [
      loss('rules_lost', violations.rules, rows, costs.rules),
      loss('chat_lost', violations.chat, rows, costs.chat),
    ],
    format: [
      loss('bad_lost', format.bad, rows + format.bad, costs.bad),
      loss('noted_lost', format.noted, format.files, costs.noted),
      loss('mixed_lost', format.mixed, format.columns, costs.mixed),
    ],
  };
}

/** At least 0. A share is at most 1, also where one row has several faults. */
function pointsOf(losses: Loss[]): number {
  const lost = losses.reduce((sum, { count, of, cost }) => sum + cost * shareOf(count, of), 0);
  return floored(100 * Math.max(0, 1 - lost));
}

const shareOf = (count: number, of: number): number => (of <= 0 ? (count > 0 ? 1 : 0) : Math.min(1, count / of));

function formulaOf(losses: Loss[]): Value {
  const counted = losses
    .filter(({ of, count }) => of > 0 || count > 0)
    .map(({ what, count, of, cost }) =>
      scoreWords.line('loss', {
        cost: cost === 1 ? '' : `${cost} × `,
        count: String(count),
        of: String(of),
        what: scoreWords.line(what),
      }),
    );
  return counted.length === 0 ? '100' : scoreWords.line('losses', { losses: counted });
}

/** Down to hundredths; what is only missing by the rounding of binary fractions is not taken off. */
const floored = (points: number): number => Math.floor(points * 100 + 1e-7) / 100;

function perPart(of: (part: Part) => number): Record<Part, number> {
  return {
    missing_values: of('missing_values'),
    duplicates: of('duplicates'),
    distribution: of('distribution'),
    schema_compliance: of('schema_compliance'),
    format: of('format'),
  };
}

/** A label column is imbalanced when its most frequent value stands for more than this share of the rows. */
const imbalanced = 0.95;

/** The part of the facts that a profile and the facts of the files tell by themselves. */
export function factsOf(
  profile: DatasetProfile,
  files: DatasetFileFacts[],
): Pick<ScoreFacts, 'rows' | 'missing' | 'outliers' | 'degenerate' | 'imbalance' | 'format'> {
  const { rows, columns } = profile;
  const present = (list: typeof columns): number =>
    list.reduce((sum, { missing, empty }) => sum + rows - missing - empty, 0);
  const far = (list: typeof columns): number => list.reduce((sum, { outliers }) => sum + outliers, 0);
  const numbers = columns.filter(({ type }) => type === 'integer' || type === 'number');
  const texts = columns.filter(({ type }) => isText(type));
  const labels = columns.filter(
    ({ type, values, distinct }) => type !== 'integer' && values.length > 1 && distinct > 1,
  );
  return {
    rows,
    missing: {
      cells: columns.reduce((sum, { missing, empty }) => sum + missing + empty, 0),
      of: rows * columns.length,
      required: 0,
    },
    outliers: { values: far(numbers), of: present(numbers) },
    degenerate: { values: far(texts), of: present(texts) },
    imbalance: {
      columns: labels.filter(({ values, missing, empty }) => {
        const labelled = rows - missing - empty;
        return Math.max(...values.map(({ count }) => count)) > imbalanced * labelled;
      }).length,
      of: labels.length,
    },
    format: {
      bad: files.reduce((sum, { bad_rows }) => sum + bad_rows, 0),
      noted: files.filter(({ encoding, notes }) => encoding !== 'utf-8' || notes.length > 0).length,
      files: files.length,
      mixed: columns.filter(({ type }) => type === 'mixed').length,
      columns: columns.length,
    },
  };
}

const isText = (type: string): boolean => ['string', 'mixed', 'list', 'object'].includes(type);
