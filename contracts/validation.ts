import { z } from 'zod';
import { Id, Said, Time } from './common.ts';
import { ColumnType, DatasetColumn, PiiScanStatus } from './datasets.ts';

const Bin = z.object({ from: z.number(), to: z.number(), count: z.number().int() });
export const ColumnProfile = z.object({
  name: z.string(),
  type: ColumnType,
  missing: z.number().int().describe('null or absent'),
  empty: z.number().int().describe('blank text, empty list or object'),
  distinct: z.number().int().describe('approximate beyond 10,000'),
  minimum: z.union([z.string(), z.number()]).nullable(),
  maximum: z.union([z.string(), z.number()]).nullable(),
  mean: z.number().nullable(),
  deviation: z.number().nullable(),
  quantiles: z.array(z.number()).describe('5, 25, 50, 75, 95 %; of the length in characters where it is text'),
  bins: z.array(Bin).describe('of numbers; of the length in characters where it is text'),
  values: z
    .array(z.object({ value: z.string(), count: z.number().int() }))
    .describe('the most frequent, where there are few; masked where they are personal'),
  outliers: z.number().int(),
});
export type ColumnProfile = z.infer<typeof ColumnProfile>;
export const DatasetProfile = z.object({
  rows: z.number().int(),
  duplicate_rows: z.number().int(),
  columns: z.array(ColumnProfile),
});
export type DatasetProfile = z.infer<typeof DatasetProfile>;

export const scoreParts = ['missing_values', 'duplicates', 'distribution', 'schema_compliance', 'format'] as const;
const perPart = <T extends z.ZodType>(value: T) =>
  z.object({
    missing_values: value,
    duplicates: value,
    distribution: value,
    schema_compliance: value,
    format: value,
  });
export const ScoreWeights = perPart(z.number().min(0).max(100));
export type ScoreWeights = z.infer<typeof ScoreWeights>;
export const QualityScore = z.object({
  overall: z.number().min(0).max(100),
  breakdown: perPart(z.number().min(0).max(100)),
  weights: ScoreWeights,
  threshold: z.number().min(0).max(100),
  formula: z.string().describe('how overall and each part came to be, with the numbers put in'),
  said: Said,
});
export type QualityScore = z.infer<typeof QualityScore>;

export const findingKinds = [
  'pii',
  'duplicate',
  'near_duplicate',
  'schema',
  'chat',
  'contamination',
  'outlier',
] as const;
export const FindingKind = z.enum(findingKinds);
export type FindingKind = z.infer<typeof FindingKind>;
export const triages = ['open', 'real', 'false_positive', 'accepted'] as const;
export const Triage = z.enum(triages);
export type Triage = z.infer<typeof Triage>;

export const Finding = z.object({
  id: z.string().describe('of this validation: {validation}.{number}'),
  kind: FindingKind,
  type: z.string().describe('email, kr_rrn, chat_alternation, contamination …'),
  file: z.string(),
  row: z.number().int().describe('in the file, from 0'),
  column: z.string().nullable(),
  start: z.number().int().nullable().describe('UTF-16 units of the cell'),
  end: z.number().int().nullable(),
  excerpt: z.string().nullable().describe('masked'),
  confidence: z.number().min(0).max(1),
  triage: Triage,
  message: z.string().describe('what is wrong, for a person, who counts rows from 1'),
  said: Said,
  fingerprint: z.string().describe('the same for the same content in every version'),
});
export type Finding = z.infer<typeof Finding>;

export const Recommendation = z.object({
  severity: z.enum(['error', 'warning', 'info']),
  message: z.string(),
  action: z.string().describe('what to do next'),
  said: Said,
  kind: FindingKind.nullable().describe('its findings, if any'),
  type: z.string().nullable(),
  count: z.number().int().nullable(),
});
export type Recommendation = z.infer<typeof Recommendation>;

export const DistributionChange = z.object({
  column: z.string(),
  test: z.enum(['ks', 'chi2']).describe('of numbers and lengths: Kolmogorov-Smirnov; of values: chi-squared'),
  statistic: z.number(),
  p_value: z.number().nullable(),
  before: z.array(z.object({ label: z.string(), count: z.number() })),
  after: z.array(z.object({ label: z.string(), count: z.number() })),
});
export type DistributionChange = z.infer<typeof DistributionChange>;

const CompareSummary = z.object({
  added: z.number().int(),
  removed: z.number().int(),
  modified: z.number().int(),
  unchanged: z.number().int(),
});
const SchemaChange = z.object({
  added: z.array(DatasetColumn),
  removed: z.array(DatasetColumn),
  changed: z.array(z.object({ name: z.string(), before: DatasetColumn, after: DatasetColumn })),
});
const SchemaCounts = z.object({
  added: z.number().int(),
  removed: z.number().int(),
  changed: z.number().int(),
});

export const DatasetComparison = z.object({
  before: z.object({ id: Id, version: z.string() }),
  after: z.object({ id: Id, version: z.string() }),
  keyed_by: z.array(z.string()).describe('empty: rows are compared by their whole content'),
  summary: CompareSummary,
  rows: z.array(
    z.object({
      change: z.enum(['added', 'removed', 'modified']),
      key: z.record(z.string(), z.unknown()).nullable(),
      before: z.record(z.string(), z.unknown()).nullable(),
      after: z.record(z.string(), z.unknown()).nullable(),
      cells: z.array(z.string()).describe('names of the columns that differ, among those that are told'),
      cells_changed: z.number().int().describe('cells that differ, told or not'),
    }),
  ),
  rows_truncated: z.boolean(),
  schema: SchemaChange,
  distributions: z.array(DistributionChange).describe('the most changed first'),
  columns: SchemaCounts.extend({
    cells: z.number().int().describe('columns of both versions together'),
    distributions: z.number().int(),
  }).describe('how long the lists of columns are; columns_offset turns to the rest of them'),
});
export type DatasetComparison = z.infer<typeof DatasetComparison>;

export const validationStatuses = ['queued', 'running', 'succeeded', 'failed', 'superseded'] as const;
export const validationStages = [
  'waiting',
  'profile',
  'duplicates',
  'content',
  'contamination',
  'drift',
  'score',
  'recording',
] as const;

export const ValidationOptions = z.object({
  weights: ScoreWeights.optional(),
  base_model_id: Id.nullish().describe('its tokenizer says which examples are too long'),
  max_tokens: z.number().int().min(1).max(10_000_000).optional().describe("default: the base model's context length"),
  benchmark_ids: z
    .array(Id)
    .max(50)
    .optional()
    .describe('to look for contamination with; default: all approved benchmarks that you may read'),
  near_duplicate_threshold: z.number().min(0.5).max(1).default(0.8).describe('Jaccard similarity of 5-word shingles'),
  pii_types: z.array(z.string().max(100)).max(100).optional().describe('default: all'),
  ner: z.boolean().optional().describe('ask the Presidio server too; default: when one is configured'),
});
export type ValidationOptions = z.infer<typeof ValidationOptions>;

const Counted = z.object({ type: z.string(), count: z.number().int() });
export const DatasetValidation = z.object({
  id: Id.nullable().describe('null: never validated'),
  dataset_id: Id,
  status: z.enum(validationStatuses).nullable(),
  current: z.boolean().describe('the files are still those that were looked at'),
  stage: z.enum(validationStages),
  progress: z.number().min(0).max(1),
  error: z.string().nullable(),
  remedy: z.string().nullable(),
  said: Said,
  options: ValidationOptions.nullable(),
  pii_scan: z.object({
    status: PiiScanStatus,
    detected_types: z.array(z.object({ type: z.string(), count: z.number().int(), open: z.number().int() })),
    locations: z.array(Finding).describe('the first hundred; all by GET …/findings'),
    recommendations: z.array(Recommendation),
    ner: z.enum(['off', 'used', 'unreachable']),
  }),
  quality_score: QualityScore.nullable(),
  findings: z
    .array(
      Counted.extend({
        kind: FindingKind,
        kept: z.number().int().describe('of them, in the list of findings'),
      }),
    )
    .describe(
      'Counts are exact. Of each type the first 10,000 that nobody judged harmless are in the list of findings, and as many of the others: judge what is listed and validate again for the next.',
    ),
  findings_kept: z.number().int().describe('in the list of findings, all types together'),
  duplicates: z.object({ exact: z.number().int(), near: z.number().int() }).nullable(),
  contamination: z
    .array(z.object({ benchmark_id: Id, name: z.string(), items: z.number().int(), rows: z.number().int() }))
    .nullable(),
  tokens: z
    .object({
      total: z.number().int(),
      longest: z.number().int(),
      over_limit: z.number().int(),
      limit: z.number().int(),
    })
    .nullable(),
  languages: z.array(z.object({ language: z.string(), rows: z.number().int() })).nullable(),
  diff: z
    .object({
      against: z.object({ id: Id, version: z.string() }),
      summary: CompareSummary,
      schema: SchemaChange.describe('the first 200 of each kind; all by …/compare/…'),
      schema_counts: SchemaCounts,
    })
    .nullable(),
  drift: z.array(DistributionChange).nullable().describe('the 200 most changed; all by …/compare/…'),
  drifted_columns: z
    .number()
    .int()
    .nullable()
    .describe('columns whose change is no chance (p < 0.01) and not small, told or not'),
  recommendations: z.array(Recommendation),
  seconds: z.number().nullable(),
  requested_by: z.string().nullable(),
  created_at: Time.nullable(),
  started_at: Time.nullable(),
  finished_at: Time.nullable(),
});
export type DatasetValidation = z.infer<typeof DatasetValidation>;

export const redactionMethods = ['mask', 'hash', 'pseudonym', 'keep'] as const;
export const RedactionMethod = z.enum(redactionMethods);
export type RedactionMethod = z.infer<typeof RedactionMethod>;

export const PiiRule = z.object({
  id: Id,
  name: z.string(),
  team: z.string().nullable().describe('null: for every team'),
  pattern: z.string().describe('RE2 syntax: no backreference, no lookaround, linear time'),
  context: z.array(z.string()).describe('words nearby that raise the confidence'),
  confidence: z.number().min(0).max(1),
  enabled: z.boolean(),
  created_by: z.string(),
  created_at: Time,
});
export type PiiRule = z.infer<typeof PiiRule>;
