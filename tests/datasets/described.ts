import type { ColumnType, Dataset, DatasetFile, DatasetFormat } from '@llm-ops/contracts';

/** A file of a dataset as the API tells it. */
export function fileOf(given: {
  path: string;
  format: DatasetFormat;
  rows: number;
  columns: [name: string, type: ColumnType][];
  size?: number;
  sha256?: string;
}): DatasetFile {
  return {
    path: given.path,
    size: given.size ?? 100,
    sha256: given.sha256 ?? 'a'.repeat(64),
    status: 'ready',
    facts: {
      format: given.format,
      encoding: 'utf-8',
      bom: false,
      compression: given.path.endsWith('.gz') ? 'gzip' : null,
      dialect: null,
      rows: given.rows,
      bad_rows: 0,
      columns: given.columns.map(([name, type]) => ({ name, type, nullable: false })),
      notes: [],
    },
    issues: [],
    issue_count: 0,
  };
}

/** A dataset version as the API tells it. */
export function datasetOf(change: Partial<Dataset> = {}): Dataset {
  return {
    id: '0190a8c0-0000-7000-8000-000000000001',
    name: 'people',
    version: '1.0',
    type: 'sft_pair',
    status: 'approved',
    owner_team: 'nlp',
    project: null,
    visibility: 'organization',
    metadata: { description: 'Some people.', license: 'cc-by-4.0', limitations: 'Small.', language: ['en', 'ko'] },
    change_log: null,
    format: 'csv',
    key_columns: [],
    column_rules: [],
    task: null,
    source: { kind: 'upload', dataset_id: null, huggingface_dataset_id: null },
    parent_id: null,
    storage_uri: null,
    files: [],
    rows: 0,
    size: 0,
    columns: [],
    column_count: 0,
    files_digest: null,
    pii_scan_status: 'clean',
    quality_score: 90,
    validation_id: null,
    gates: [],
    completeness: { score: 100, missing: [] },
    submitted_by: null,
    submitted_at: null,
    approved_by: null,
    approved_at: '2026-03-04T05:06:07.000Z',
    approval_digest: null,
    review_notes: null,
    created_by: 'ada',
    created_at: '2026-01-02T03:04:05.000Z',
    updated_at: '2026-02-03T04:05:06.000Z',
    ...change,
  };
}
