import { z } from 'zod';
import { Completeness, modelStatuses } from './catalog.ts';
import { Id, Metadata, Name, Said, TeamName, Text, Time, VersionLabel, Visibility } from './common.ts';

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
  said: Said,
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
  notes: z.array(z.string()).describe('in said: notes.0, notes.1 …'),
  said: Said,
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
  said: Said,
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
  columns: z.array(DatasetColumn).describe('in lists the first hundred of each file'),
  column_count: z.number().int(),
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
  schema: z.array(DatasetColumn).describe('the columns that are answered; column_count is of all'),
  statistics: z.object({
    total_rows: z.number().int(),
    matching_rows: z.number().int().describe('of the search and filters, among the searched rows; else all'),
    searched_rows: z
      .number()
      .int()
      .describe('the first rows, that were looked through; fewer than all where that would have taken too long'),
    column_count: z.number().int(),
    file_size: z.number().int().describe('bytes'),
    format: DatasetFormat.nullable(),
  }),
});

/** Work that fills a version by itself: durable, with progress. */
export const DatasetJob = z.object({
  id: Id,
  dataset_id: Id,
  kind: z.enum(['redaction', 'restore', 'import']),
  status: z.enum(['queued', 'running', 'succeeded', 'failed']),
  progress: z.number().min(0).max(1),
  detail: z.record(z.string(), z.unknown()),
  error: z.string().nullable(),
  said: Said,
  created_at: Time,
  finished_at: Time.nullable(),
});
export type DatasetJob = z.infer<typeof DatasetJob>;

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
