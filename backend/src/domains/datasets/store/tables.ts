import type {
  ColumnProfile,
  ColumnRule,
  DatasetFileFacts,
  DatasetIssue,
  DatasetStatus,
  DatasetType,
  FindingKind,
  PiiScanStatus,
  Triage,
  ValidationOptions,
} from '@llm-ops/contracts';
import { sql, type Generated, type Kysely, type Selectable, type Transaction } from 'kysely';
import type { Said } from '#platform/words';
import type { SaidOfFinding, ValidateOutput } from '../engine/tasks.ts';

interface DatasetTable {
  id: string;
  name: string;
  version: string;
  type: DatasetType | null;
  status: DatasetStatus;
  owner_team: string;
  project: string | null;
  visibility: 'team' | 'organization' | null;
  metadata: Record<string, unknown>;
  change_log: string | null;
  key_columns: string[];
  column_rules: ColumnRule[];
  task: string | null;
  source_kind: 'upload' | 'version' | 'redaction' | 'restore' | 'import';
  source_id: string | null;
  huggingface_dataset_id: string | null;
  parent_id: string | null;
  storage_uri: string | null;
  pii_scan_status: PiiScanStatus;
  quality_score: number | null;
  validated_digest: string | null;
  submitted_by: string | null;
  submitted_at: Date | null;
  approved_by: string | null;
  approved_at: Date | null;
  approval_digest: string | null;
  review_notes: string | null;
  created_by: string;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

interface FileTable {
  dataset_id: string;
  path: string;
  size: number;
  sha256: string;
  status: 'uploading' | 'checking' | 'ready' | 'refused';
  bad_rows: 'refuse' | 'skip';
  facts: DatasetFileFacts | null;
  issues: DatasetIssue[];
  issue_count: number;
  rows_key: string | null;
  upload_id: string | null;
  uploaded_by: string;
  attempt: string;
  touched_at: Generated<Date>;
}

interface ReviewTable {
  id: string;
  dataset_id: string;
  submitted_by: string;
  submitted_at: Generated<Date>;
  status: 'open' | 'approved' | 'rejected' | 'changes_requested' | 'void';
  decided_by: string | null;
  decided_at: Date | null;
  notes: string | null;
}

/** What a validation found, without the findings. */
export type Report = ValidateOutput & {
  /** the version that diff and drift are about */
  against: { id: string; version: string } | null;
  /** by type: personal data that counts against the dataset and was not kept for people to judge */
  unseen: Record<string, number>;
};

interface ValidationTable {
  id: string;
  dataset_id: string;
  files_digest: string;
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'superseded';
  options: ValidationOptions;
  stage: string;
  progress: number;
  attempt: number;
  report: Report | null;
  findings_kept: number;
  error: string | null;
  remedy: string | null;
  /** of both; null: there are none, or they were written before this was kept */
  said: Said | null;
  requested_by: string;
  created_at: Generated<Date>;
  started_at: Date | null;
  finished_at: Date | null;
}

interface ColumnProfileTable {
  validation_id: string;
  /** among the columns, from 0 */
  place: number;
  profile: ColumnProfile;
}

interface FindingTable {
  validation_id: string;
  number: number;
  kind: FindingKind;
  type: string;
  file: string;
  row_number: number;
  column_name: string | null;
  span_start: number | null;
  span_end: number | null;
  excerpt: string | null;
  confidence: number;
  message: string;
  /** null: it says no more than its type does, or was found before this was kept */
  said: SaidOfFinding | null;
  fingerprint: string;
}

interface TriageTable {
  owner_team: string;
  name: string;
  fingerprint: string;
  type: string;
  triage: Exclude<Triage, 'open'>;
  note: string | null;
  decided_by: string;
  decided_at: Generated<Date>;
}

interface JobTable {
  id: string;
  dataset_id: string;
  kind: 'redaction' | 'restore' | 'import';
  status: 'queued' | 'running' | 'succeeded' | 'failed';
  progress: number;
  detail: Record<string, unknown>;
  attempt: number;
  error: string | null;
  said: Said | null;
  created_by: string;
  created_at: Generated<Date>;
  finished_at: Date | null;
}

interface PiiRuleTable {
  id: string;
  name: string;
  team: string | null;
  pattern: string;
  context: string[];
  confidence: number;
  enabled: boolean;
  created_by: string;
  created_at: Generated<Date>;
}

// an interface is not assignable to a record
// oxlint-disable-next-line typescript/consistent-type-definitions
export type DatasetTables = {
  dataset: DatasetTable;
  dataset_file: FileTable;
  dataset_review: ReviewTable;
  dataset_validation: ValidationTable;
  dataset_finding: FindingTable;
  dataset_column_profile: ColumnProfileTable;
  dataset_triage: TriageTable;
  dataset_job: JobTable;
  pii_rule: PiiRuleTable;
};

/** A connection: the pool's, or a transaction's. */
export type Connection = Kysely<object> | Transaction<unknown>;
export type DatasetRow = Selectable<DatasetTable>;
export type FileRow = Selectable<FileTable>;
export type ReviewRow = Selectable<ReviewTable>;
export type ValidationRow = Selectable<ValidationTable>;
export type FindingRow = Selectable<FindingTable>;
export type JobRow = Selectable<JobTable>;
export type PiiRuleRow = Selectable<PiiRuleTable>;

/** Everything of a dataset but what the database fills in. */
export type NewDataset = Omit<DatasetRow, 'created_at' | 'updated_at'>;

export const on = (connection: Connection) => (connection as Kysely<object>).$extendTables<DatasetTables>();

/** JSON text as PostgreSQL takes it: excerpts may hold NUL and halves of characters. */
export function keepable(text: string): string {
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return text;
  return text.replace(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/gi, (escape) =>
    /^\\u[0d]/i.test(escape) ? '\\ufffd' : escape,
  );
}

/** As PostgreSQL can keep it: what files hold may be no text to it (NUL, halves of characters), and that is told of by �. */
export function json<T>(value: T) {
  const plain = JSON.stringify(value);
  const text = /\\u(?:0000|d[89a-f])/.test(plain) ? JSON.stringify(value, storable) : plain;
  return sql<T>`${text}::jsonb`;
}

function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value;
}
