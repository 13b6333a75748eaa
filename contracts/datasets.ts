import { z } from 'zod';
import { Completeness, LineageGraph, modelStatuses, ModelStatusIn } from './catalog.ts';
import {
  Id,
  IdParams,
  Metadata,
  Name,
  Page,
  QueryBoolean,
  TeamName,
  Text,
  Time,
  VersionLabel,
  Visibility,
} from './common.ts';
import { defineRoutes } from './route.ts';

export const datasetTypes = ['pretrain_corpus', 'sft_pair', 'rag_qa', 'rlhf_pair', 'benchmark'] as const;
export const DatasetType = z.enum(datasetTypes);
export type DatasetType = z.infer<typeof DatasetType>;

export const datasetFormats = ['csv', 'jsonl', 'parquet'] as const;
export const DatasetFormat = z.enum(datasetFormats);
export type DatasetFormat = z.infer<typeof DatasetFormat>;

export const DatasetStatus = z.enum(modelStatuses);
export type DatasetStatus = z.infer<typeof DatasetStatus>;

export const piiScanStatuses = ['pending', 'clean', 'failed'] as const;
export const PiiScanStatus = z.enum(piiScanStatuses);
export type PiiScanStatus = z.infer<typeof PiiScanStatus>;

/** What a column holds, in words that every format shares. */
export const columnTypes = [
  'string',
  'integer',
  'number',
  'boolean',
  'date',
  'datetime',
  'list',
  'object',
  'binary',
  'mixed',
] as const;
export const ColumnType = z.enum(columnTypes);
export type ColumnType = z.infer<typeof ColumnType>;

export const DatasetColumn = z.object({ name: z.string(), type: ColumnType, nullable: z.boolean() });
export type DatasetColumn = z.infer<typeof DatasetColumn>;

/** Why a file, or a line of it, was refused. */
export const DatasetIssue = z.object({
  file: z.string(),
  line: z.number().int().nullable().describe('from 1; null: the file as a whole'),
  column: z.string().nullable(),
  reason: z.string(),
  fix: z.string(),
});
export type DatasetIssue = z.infer<typeof DatasetIssue>;

export const DatasetFileFacts = z.object({
  format: DatasetFormat,
  encoding: z.string().describe('utf-8, utf-16le, utf-16be, cp949, latin-1'),
  bom: z.boolean(),
  compression: z.enum(['gzip']).nullable(),
  dialect: z
    .object({ delimiter: z.string(), quote: z.string().nullable(), newline: z.enum(['lf', 'crlf', 'cr', 'mixed']) })
    .nullable()
    .describe('of a CSV'),
  rows: z.number().int().describe('rows that were accepted'),
  bad_rows: z.number().int().describe('rows that were left out because the upload asked for that'),
  columns: z.array(DatasetColumn),
  notes: z.array(z.string()),
});
export type DatasetFileFacts = z.infer<typeof DatasetFileFacts>;

export const datasetFileStatuses = ['uploading', 'checking', 'ready', 'refused'] as const;
export const DatasetFile = z.object({
  path: z.string(),
  size: z.number().int().nonnegative().describe('bytes, as uploaded'),
  sha256: z.string().describe('of the bytes as uploaded; empty until they were read once'),
  status: z.enum(datasetFileStatuses),
  facts: DatasetFileFacts.nullable().describe('null until it is ready'),
  issues: z.array(DatasetIssue).describe('the first hundred'),
  issue_count: z.number().int(),
});
export type DatasetFile = z.infer<typeof DatasetFile>;

/** One rule for a column, as a person writes it for their own schema. */
export const ColumnRule = z.object({
  name: z.string().min(1).max(500),
  type: ColumnType.optional(),
  required: z.boolean().default(true).describe('the column must be there'),
  nullable: z.boolean().default(true),
  unique: z.boolean().default(false),
  values: z.array(z.string().max(1000)).max(1000).optional().describe('the only values allowed'),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  min_length: z.number().int().min(0).optional().describe('characters'),
  max_length: z.number().int().min(0).optional(),
  pattern: z.string().max(1000).optional().describe('RE2 syntax; must match somewhere in the value'),
});
export type ColumnRule = z.infer<typeof ColumnRule>;

export const DatasetGate = z.object({
  gate: z.enum(['metadata', 'files', 'validation', 'pii', 'quality', 'diff']),
  passed: z.boolean(),
  message: z.string(),
  remedy: z.string().nullable(),
});
export type DatasetGate = z.infer<typeof DatasetGate>;

export const DatasetSource = z.object({
  kind: z.enum(['upload', 'version', 'redaction', 'restore', 'import']),
  dataset_id: Id.nullable().describe('the version it was made from'),
  huggingface_dataset_id: z.string().nullable(),
});

export const Dataset = z.object({
  id: Id,
  name: z.string(),
  version: z.string(),
  type: DatasetType.nullable(),
  status: DatasetStatus,
  owner_team: z.string(),
  project: z.string().nullable(),
  visibility: Visibility,
  metadata: Metadata,
  change_log: z.string().nullable(),
  format: DatasetFormat.nullable().describe('of its files; null while there are none, or several'),
  key_columns: z.array(z.string()),
  column_rules: z.array(ColumnRule),
  task: z.string().nullable().describe('of a benchmark: what is asked of a model'),
  source: DatasetSource,
  parent_id: Id.nullable().describe('the version that this one follows: what its diff is against'),
  storage_uri: z.string().nullable(),
  files: z.array(DatasetFile),
  rows: z.number().int().nullable(),
  size: z.number().int().describe('bytes of all files as uploaded'),
  columns: z.array(DatasetColumn),
  files_digest: z.string().nullable(),
  pii_scan_status: PiiScanStatus,
  quality_score: z.number().min(0).max(100).nullable(),
  validation_id: Id.nullable().describe('the newest validation'),
  gates: z.array(DatasetGate),
  completeness: Completeness,
  submitted_by: z.string().nullable(),
  submitted_at: Time.nullable(),
  approved_by: z.string().nullable(),
  approved_at: Time.nullable(),
  approval_digest: z.string().nullable(),
  review_notes: z.string().nullable(),
  created_by: z.string(),
  created_at: Time,
  updated_at: Time,
});
export type Dataset = z.infer<typeof Dataset>;

const columnNames = z.array(z.string().min(1).max(500)).max(16);

export const DatasetCreate = z.object({
  name: Name,
  version: VersionLabel.default('1'),
  type: DatasetType.nullish(),
  owner_team: TeamName,
  project: Name.nullish(),
  visibility: Visibility.optional(),
  metadata: Metadata.default({}).describe(
    'The card: description, license, language, source, intended_use, limitations.',
  ),
  change_log: Text.nullish(),
  key_columns: columnNames.default([]),
  column_rules: z.array(ColumnRule).max(2000).default([]),
  task: z.string().trim().max(100).nullish(),
});
export type DatasetCreate = z.infer<typeof DatasetCreate>;

export const DatasetPatch = z.object({
  type: DatasetType.nullish(),
  project: Name.nullish(),
  visibility: Visibility.optional(),
  metadata: Metadata.optional(),
  change_log: Text.nullish(),
  key_columns: columnNames.optional(),
  column_rules: z.array(ColumnRule).max(2000).optional(),
  task: z.string().trim().max(100).nullish(),
});

export const filterOperators = ['eq', 'ne', 'contains', 'gt', 'gte', 'lt', 'lte', 'is_null', 'not_null'] as const;
export const DatasetPreview = z.object({
  sample_rows: z.array(z.record(z.string(), z.unknown())),
  positions: z
    .array(z.object({ file: z.string(), row: z.number().int() }))
    .describe('where each sample row stands: file, and row in it from 0'),
  truncated: z
    .array(z.object({ index: z.number().int(), column: z.string(), length: z.number().int() }))
    .describe('cells that are longer than what is shown'),
  schema: z.array(DatasetColumn),
  statistics: z.object({
    total_rows: z.number().int(),
    matching_rows: z.number().int().describe('of the search and filters; else all'),
    column_count: z.number().int(),
    file_size: z.number().int().describe('bytes'),
    format: DatasetFormat.nullable(),
  }),
});

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
  message: z.string().describe('what is wrong, for a person'),
  fingerprint: z.string().describe('the same for the same content in every version'),
});
export type Finding = z.infer<typeof Finding>;

export const Recommendation = z.object({
  severity: z.enum(['error', 'warning', 'info']),
  message: z.string(),
  action: z.string().describe('what to do next'),
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
      cells: z.array(z.string()).describe('names of the columns that differ'),
    }),
  ),
  rows_truncated: z.boolean(),
  schema: SchemaChange,
  distributions: z.array(DistributionChange),
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
  options: ValidationOptions.nullable(),
  pii_scan: z.object({
    status: PiiScanStatus,
    detected_types: z.array(z.object({ type: z.string(), count: z.number().int(), open: z.number().int() })),
    locations: z.array(Finding).describe('the first hundred; all by GET …/findings'),
    recommendations: z.array(Recommendation),
    ner: z.enum(['off', 'used', 'unreachable']),
  }),
  quality_score: QualityScore.nullable(),
  findings: z.array(Counted.extend({ kind: FindingKind })).describe('exact, also where the list was cut'),
  findings_kept: z.number().int(),
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
    .object({ against: z.object({ id: Id, version: z.string() }), summary: CompareSummary, schema: SchemaChange })
    .nullable(),
  drift: z.array(DistributionChange).nullable(),
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

/** Work that fills a version by itself: durable, with progress. */
export const DatasetJob = z.object({
  id: Id,
  dataset_id: Id,
  kind: z.enum(['redaction', 'restore', 'import']),
  status: z.enum(['queued', 'running', 'succeeded', 'failed']),
  progress: z.number().min(0).max(1),
  detail: z.record(z.string(), z.unknown()),
  error: z.string().nullable(),
  created_at: Time,
  finished_at: Time.nullable(),
});
export type DatasetJob = z.infer<typeof DatasetJob>;

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
const PiiRuleFields = {
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{1,49}$/, 'Use 2 to 50 small letters, digits and underscores, beginning with a letter.'),
  team: TeamName.nullish(),
  pattern: z.string().min(1).max(1000),
  context: z.array(z.string().trim().min(1).max(50)).max(50).default([]),
  confidence: z.number().min(0).max(1).default(0.8),
  enabled: z.boolean().default(true),
};

export const Benchmark = z.object({
  id: Id,
  name: z.string(),
  version: z.string(),
  task: z.string().nullable(),
  status: DatasetStatus,
  owner_team: z.string(),
  input_column: z.string().nullable(),
  reference_column: z.string().nullable(),
  rows: z.number().int().nullable(),
  created_at: Time,
});
export type Benchmark = z.infer<typeof Benchmark>;

const VersionParams = z.object({ id: Id, version: VersionLabel });
const CompareParams = z.object({ id: Id, v1: VersionLabel, v2: VersionLabel });
const FileParams = z.object({ id: Id, path: z.string().min(1).max(400) });
const Filter = z.string().max(1200).describe('column:operator:value, such as label:eq:spam or note:is_null; repeated');

export const datasetRoutes = defineRoutes({
  listDatasets: {
    method: 'GET',
    path: '/catalog/datasets',
    summary: 'Dataset versions, newest first',
    tag: 'datasets',
    permission: 'dataset:read',
    list: true,
    query: Page.extend({
      name: z.string().max(200).optional(),
      version: z.string().max(128).optional(),
      owner_team: z.string().max(100).optional(),
      type: DatasetType.optional(),
      status: ModelStatusIn.optional(),
      pii_scan_status: PiiScanStatus.optional(),
      min_quality_score: z.coerce.number().min(0).max(100).optional(),
      max_quality_score: z.coerce.number().min(0).max(100).optional(),
    }),
    data: z.array(Dataset),
  },
  createDataset: {
    method: 'POST',
    path: '/catalog/datasets',
    summary: 'Register a dataset version as a draft',
    tag: 'datasets',
    permission: 'dataset:write',
    body: DatasetCreate,
    data: Dataset,
    idempotent: true,
    audit: { action: 'dataset.create', resource: 'dataset' },
    failures: ['dataset_version_exists'],
  },
  getDataset: {
    method: 'GET',
    path: '/catalog/datasets/{id}',
    summary: 'One dataset version',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    data: Dataset,
    failures: ['dataset_not_found'],
  },
  updateDataset: {
    method: 'PATCH',
    path: '/catalog/datasets/{id}',
    summary: 'Change the card of a draft',
    tag: 'datasets',
    permission: 'dataset:write',
    params: IdParams,
    body: DatasetPatch,
    data: Dataset,
    audit: { action: 'dataset.update', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_frozen'],
  },
  deleteDataset: {
    method: 'DELETE',
    path: '/catalog/datasets/{id}',
    summary: 'Delete a dataset version that nothing refers to, and its files',
    tag: 'datasets',
    permission: 'dataset:delete',
    params: IdParams,
    data: z.object({ id: Id, filesRemoved: z.number(), filesLeft: z.number() }),
    audit: { action: 'dataset.delete', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_in_use'],
  },
  uploadDatasetFiles: {
    method: 'POST',
    path: '/catalog/datasets/{id}/upload',
    summary: 'Upload CSV, JSONL or Parquet files (multipart field `files`, repeated; field `bad_rows`: refuse or skip)',
    tag: 'datasets',
    permission: 'dataset:write',
    params: IdParams,
    rawBody: true,
    data: z.object({ id: Id, status: DatasetStatus, storage_uri: z.string().nullable(), files: z.array(DatasetFile) }),
    failures: ['dataset_not_found', 'dataset_frozen', 'dataset_file_exists', 'dataset_rejected', 'object_too_large'],
  },
  getDatasetFile: {
    method: 'GET',
    path: '/catalog/datasets/{id}/files/{path}',
    summary: 'Download a file as it was uploaded',
    tag: 'datasets',
    permission: 'dataset:read',
    params: FileParams,
    answer: 'file',
    failures: ['dataset_not_found', 'object_not_found'],
  },
  deleteDatasetFile: {
    method: 'DELETE',
    path: '/catalog/datasets/{id}/files/{path}',
    summary: 'Remove a file of a draft',
    tag: 'datasets',
    permission: 'dataset:write',
    params: FileParams,
    data: Dataset,
    audit: { action: 'dataset.file.delete', resource: 'dataset' },
    failures: ['dataset_not_found', 'object_not_found', 'dataset_frozen'],
  },
  previewDataset: {
    method: 'GET',
    path: '/catalog/datasets/{id}/preview',
    summary: 'Rows by page, with schema and statistics',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(50),
      offset: z.coerce.number().int().min(0).default(0),
      search: z.string().max(500).optional().describe('text anywhere in a row, whatever its case'),
      filter: z.union([Filter, z.array(Filter).max(20)]).optional(),
      sort: z.string().max(501).optional().describe('a column; with - before it downwards'),
    }),
    data: DatasetPreview,
    failures: ['dataset_not_found', 'dataset_not_ready', 'dataset_engine_failed'],
  },
  getDatasetProfile: {
    method: 'GET',
    path: '/catalog/datasets/{id}/profile',
    summary: 'Statistics and distribution of each column, from the newest validation of these files',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    data: DatasetProfile,
    failures: ['dataset_not_found', 'dataset_not_ready'],
  },
  getDatasetValidation: {
    method: 'GET',
    path: '/catalog/datasets/{id}/validation',
    summary: 'The newest validation: progress, personal data, quality, recommendations',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    data: DatasetValidation,
    failures: ['dataset_not_found'],
  },
  startDatasetValidation: {
    method: 'POST',
    path: '/catalog/datasets/{id}/validation',
    summary: 'Validate, or validate again',
    tag: 'datasets',
    permission: 'dataset:write',
    params: IdParams,
    body: ValidationOptions.prefault({}),
    data: DatasetValidation,
    idempotent: true,
    audit: { action: 'dataset.validate', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_not_ready'],
  },
  listDatasetFindings: {
    method: 'GET',
    path: '/catalog/datasets/{id}/findings',
    summary: 'Findings of the newest finished validation, in the order of files and rows',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    list: true,
    query: Page.extend({
      kind: FindingKind.optional(),
      type: z.string().max(100).optional(),
      triage: Triage.optional(),
      column: z.string().max(500).optional(),
      file: z.string().max(400).optional(),
    }),
    data: z.array(Finding),
    failures: ['dataset_not_found'],
  },
  triageDatasetFindings: {
    method: 'POST',
    path: '/catalog/datasets/{id}/findings/triage',
    summary: 'Say of findings that they are real, false or accepted; remembered for every version',
    tag: 'datasets',
    permission: 'dataset:write',
    params: IdParams,
    body: z.object({
      triage: Triage,
      fingerprints: z.array(z.string().max(100)).min(1).max(1000).optional(),
      type: z.string().max(100).optional().describe('all findings of this type of the newest validation'),
      note: z.string().max(2000).optional(),
    }),
    data: z.object({ changed: z.number().int(), pii_scan_status: PiiScanStatus }),
    audit: { action: 'dataset.triage', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_frozen'],
  },
  redactDataset: {
    method: 'POST',
    path: '/catalog/datasets/{id}/redact',
    summary: 'Make a child version without the personal data that was found',
    tag: 'datasets',
    permission: 'dataset:write',
    params: IdParams,
    body: z.object({
      version: VersionLabel,
      method: RedactionMethod.default('mask'),
      methods: z.record(z.string().max(100), RedactionMethod).default({}).describe('by type, where it differs'),
      change_log: Text.optional(),
    }),
    data: z.object({ dataset: Dataset, job: DatasetJob }),
    idempotent: true,
    audit: { action: 'dataset.redact', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_not_ready', 'dataset_version_exists'],
  },
  listDatasetJobs: {
    method: 'GET',
    path: '/catalog/datasets/{id}/jobs',
    summary: 'Work that fills this version, newest first',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    data: z.array(DatasetJob),
    failures: ['dataset_not_found'],
  },
  retryDatasetJob: {
    method: 'POST',
    path: '/catalog/datasets/{id}/jobs/{job}/retry',
    summary: 'Run failed work again',
    tag: 'datasets',
    permission: 'dataset:write',
    params: z.object({ id: Id, job: Id }),
    data: DatasetJob,
    audit: { action: 'dataset.job.retry', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_job_not_found', 'dataset_job_running'],
  },
  updateDatasetStatus: {
    method: 'PATCH',
    path: '/catalog/datasets/{id}/status',
    summary: 'Submit, approve, reject, deprecate or reopen',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    query: z.object({ status: ModelStatusIn.optional(), notes: z.string().max(2000).optional() }),
    body: z.object({ status: ModelStatusIn.optional(), notes: Text.optional() }).optional(),
    queryOrBody: true,
    data: Dataset,
    audit: { action: 'dataset.status', resource: 'dataset' },
    failures: [
      'dataset_not_found',
      'dataset_incomplete',
      'dataset_transition_invalid',
      'dataset_four_eyes',
      'dataset_not_validated',
      'dataset_pii_failed',
      'dataset_quality_low',
    ],
  },
  listDatasetVersions: {
    method: 'GET',
    path: '/catalog/datasets/{id}/versions',
    summary: 'All versions of this dataset',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    list: true,
    query: Page,
    data: z.array(Dataset),
    failures: ['dataset_not_found'],
  },
  createDatasetVersion: {
    method: 'POST',
    path: '/catalog/datasets/{id}/versions',
    summary: 'A new version with the card carried over',
    tag: 'datasets',
    permission: 'dataset:write',
    params: IdParams,
    body: z.object({ version: VersionLabel, change_log: Text.nullish(), metadata: Metadata.optional() }),
    data: Dataset,
    idempotent: true,
    audit: { action: 'dataset.version.create', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_version_exists'],
  },
  compareDatasetVersions: {
    method: 'GET',
    path: '/catalog/datasets/{id}/versions/{v1}/compare/{v2}',
    summary: 'Rows, cells, columns and distributions that differ between two versions',
    tag: 'datasets',
    permission: 'dataset:read',
    params: CompareParams,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1000).default(200),
      offset: z.coerce.number().int().min(0).default(0),
      change: z.enum(['added', 'removed', 'modified']).optional(),
    }),
    data: DatasetComparison,
    failures: ['dataset_not_found', 'dataset_version_not_found', 'dataset_not_ready', 'dataset_engine_failed'],
  },
  restoreDatasetVersion: {
    method: 'POST',
    path: '/catalog/datasets/{id}/versions/{version}/restore',
    summary: 'Bring an older version back as a new one',
    tag: 'datasets',
    permission: 'dataset:write',
    params: VersionParams,
    body: z.object({ version: VersionLabel.optional(), change_log: Text.optional() }).prefault({}),
    data: z.object({ dataset: Dataset, job: DatasetJob }),
    idempotent: true,
    audit: { action: 'dataset.restore', resource: 'dataset' },
    failures: ['dataset_not_found', 'dataset_version_not_found', 'dataset_version_exists', 'dataset_not_ready'],
  },
  decideDatasetVersion: {
    method: 'POST',
    path: '/catalog/datasets/{id}/versions/{version}/approve',
    summary: "A reviewer's decision",
    tag: 'datasets',
    permission: 'dataset:approve',
    params: VersionParams,
    body: z.object({ decision: z.enum(['approve', 'reject', 'request_changes']), notes: Text.optional() }),
    data: Dataset,
    audit: { action: 'dataset.review', resource: 'dataset' },
    failures: [
      'dataset_not_found',
      'dataset_version_not_found',
      'dataset_transition_invalid',
      'dataset_four_eyes',
      'dataset_not_validated',
      'dataset_pii_failed',
      'dataset_quality_low',
    ],
  },
  getDatasetLineage: {
    method: 'GET',
    path: '/catalog/datasets/{id}/lineage',
    summary: 'What it came from and what was made of it',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    data: LineageGraph,
    failures: ['dataset_not_found'],
  },
  downloadDataset: {
    method: 'GET',
    path: '/catalog/datasets/{id}/download',
    summary: 'All rows in one file; CSV cells that a spreadsheet would run are made harmless',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    query: z.object({
      format: DatasetFormat.default('jsonl'),
      raw_formulas: QueryBoolean.default(false).describe('leave cells that begin with = + - @ as they are'),
    }),
    answer: 'file',
    failures: ['dataset_not_found', 'dataset_not_ready', 'dataset_engine_failed'],
  },
  getDatasetCroissant: {
    method: 'GET',
    path: '/catalog/datasets/{id}/croissant',
    summary: 'Croissant 1.1 metadata (JSON-LD)',
    tag: 'datasets',
    permission: 'dataset:read',
    params: IdParams,
    answer: 'file',
    failures: ['dataset_not_found'],
  },
  importDataset: {
    method: 'POST',
    path: '/catalog/datasets/import-from-huggingface',
    summary: 'Register a dataset of the Hugging Face hub and stream its files here',
    tag: 'datasets',
    permission: 'dataset:write',
    body: z.object({
      huggingface_dataset_id: z
        .string()
        .regex(
          /^(?!.*(\.\.|--))[A-Za-z0-9][A-Za-z0-9._-]{0,95}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$/,
          'Give it as owner/name.',
        ),
      revision: z
        .string()
        .regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/)
        .default('main'),
      files: z
        .array(z.string().min(1).max(400))
        .max(1000)
        .optional()
        .describe('default: every CSV, JSONL and Parquet file'),
      name: Name.optional(),
      version: VersionLabel.default('1'),
      type: DatasetType.nullish(),
      owner_team: TeamName,
      metadata: Metadata.default({}),
    }),
    data: z.object({ dataset: Dataset, job: DatasetJob }),
    idempotent: true,
    audit: { action: 'dataset.import', resource: 'dataset' },
    failures: ['dataset_version_exists', 'huggingface_unreachable', 'huggingface_refused'],
  },
  listBenchmarks: {
    method: 'GET',
    path: '/catalog/benchmarks',
    summary: 'Datasets of type benchmark',
    tag: 'datasets',
    permission: 'dataset:read',
    list: true,
    query: Page.extend({ task: z.string().max(100).optional(), status: ModelStatusIn.optional() }),
    data: z.array(Benchmark),
  },
  createBenchmark: {
    method: 'POST',
    path: '/catalog/benchmarks',
    summary: 'Register a benchmark: a dataset with input and reference columns and a task',
    tag: 'datasets',
    permission: 'dataset:write',
    body: DatasetCreate.omit({ type: true }).extend({ task: z.string().trim().min(1).max(100) }),
    data: Dataset,
    idempotent: true,
    audit: { action: 'benchmark.create', resource: 'dataset' },
    failures: ['dataset_version_exists'],
  },
  listPiiRules: {
    method: 'GET',
    path: '/catalog/pii-rules',
    summary: 'Rules of your own for personal data',
    tag: 'datasets',
    permission: 'dataset:read',
    data: z.array(PiiRule),
  },
  createPiiRule: {
    method: 'POST',
    path: '/catalog/pii-rules',
    summary: 'Add a rule',
    tag: 'datasets',
    permission: 'pii-rule:write',
    body: z.object(PiiRuleFields),
    data: PiiRule,
    idempotent: true,
    audit: { action: 'pii-rule.create', resource: 'pii-rule' },
    failures: ['pii_rule_exists', 'pii_rule_invalid'],
  },
  deletePiiRule: {
    method: 'DELETE',
    path: '/catalog/pii-rules/{id}',
    summary: 'Remove a rule',
    tag: 'datasets',
    permission: 'pii-rule:write',
    params: IdParams,
    data: z.object({ id: Id }),
    audit: { action: 'pii-rule.delete', resource: 'pii-rule' },
    failures: ['pii_rule_not_found'],
  },
  testPii: {
    method: 'POST',
    path: '/catalog/pii-rules/test',
    summary: 'Try detectors and a rule on a text; nothing is kept',
    tag: 'datasets',
    permission: 'dataset:read',
    body: z.object({
      text: z.string().max(20_000),
      pattern: z.string().min(1).max(1000).optional(),
      context: z.array(z.string().trim().min(1).max(50)).max(50).default([]),
    }),
    data: z.array(
      z.object({
        type: z.string(),
        start: z.number().int(),
        end: z.number().int(),
        excerpt: z.string(),
        confidence: z.number(),
      }),
    ),
    failures: ['pii_rule_invalid'],
  },
});
