import type {
  ColumnRule,
  DatasetColumn,
  DatasetFileFacts,
  DatasetFormat,
  DatasetIssue,
  DatasetProfile,
  DatasetType,
  DistributionChange,
  FindingKind,
  QualityScore,
  Recommendation,
  RedactionMethod,
  ScoreWeights,
  Triage,
} from '@llm-ops/contracts';
import type { Sentence } from '#platform/words';

/**
 * What the engine can be asked for. It runs in processes of its own (`#platform/workers`), so all of it is JSON; files are named by paths on
 * this machine, which the task may read (`local`, `rows`) or write (`target`, `scratch`) and nothing else.
 */
export interface Tasks {
  accept: { input: AcceptInput; output: AcceptOutput };
  preview: { input: PreviewInput; output: PreviewOutput };
  validate: { input: ValidateInput; output: ValidateOutput };
  compare: { input: CompareInput; output: CompareOutput };
  redact: { input: RedactInput; output: RedactOutput };
  export: { input: ExportInput; output: ExportOutput };
  scan: { input: ScanInput; output: ScanOutput };
}
export type TaskName = keyof Tasks;

/** A file as a person sent it. */
export interface SourceFile {
  /** as it is called in the dataset; `.gz` at the end: compressed */
  path: string;
  local: string;
}

/**
 * The rows of an accepted file: one Parquet file with the columns of the data in their order and, last, `__row` (BIGINT, from 0, ascending),
 * in row groups small enough that a page reads few of them. CSV columns are all VARCHAR, so that text stays as written (`007`); JSON
 * strings are VARCHAR; integers, numbers and booleans of JSON are BIGINT, DOUBLE, BOOLEAN where the whole column is that; lists,
 * objects and columns of several types are their JSON text (type JSON); Parquet keeps its types.
 */
export interface RowsFile {
  path: string;
  local: string;
  rows: number;
  columns: DatasetColumn[];
}

export interface AcceptInput {
  file: SourceFile;
  /** the Parquet file to write; nothing stays there when the file is refused */
  target: string;
  /** an empty folder for what is needed on the way (decoded text, spilled data) */
  scratch: string;
  type: DatasetType | null;
  /** what to do with rows that cannot be read: refuse the file, or leave them out and count them */
  badRows: 'refuse' | 'skip';
  limits: {
    columns: number;
    /** bytes of one line or row */
    line: number;
    /** bytes after decompression */
    expanded: number;
  };
}
export interface AcceptOutput {
  /** null: refused */
  facts: DatasetFileFacts | null;
  /** the first hundred */
  issues: DatasetIssue[];
  /** exact */
  issueCount: number;
}

export interface RowFilter {
  column: string;
  operator: 'eq' | 'ne' | 'contains' | 'gt' | 'gte' | 'lt' | 'lte' | 'is_null' | 'not_null';
  value: string | null;
}
export interface PreviewInput {
  files: RowsFile[];
  limit: number;
  offset: number;
  search: string | null;
  filters: RowFilter[];
  sort: { column: string; descending: boolean } | null;
  /** those that are answered; the others are only searched, and sorted by */
  columns: readonly string[];
  /** characters of a cell that are answered */
  cellLimit: number;
  /** ms: how long a full page waits for the rest to be counted, and how long rows are looked through at all */
  patience: { counting: number; searching: number };
}
export interface PreviewOutput {
  /** JSON values; integers beyond 2^53, decimals and binary as text */
  rows: Record<string, unknown>[];
  positions: { file: string; row: number }[];
  truncated: { index: number; column: string; length: number }[];
  /** among the rows that were looked through */
  matching: number;
  /** the first ones; all when there was time */
  searched: number;
}

export interface CustomPiiRule {
  /** the type of its findings is `custom:{name}` */
  name: string;
  pattern: string;
  context: string[];
  confidence: number;
}
export interface PiiOptions {
  /** null: all */
  types: string[] | null;
  rules: CustomPiiRule[];
  /** hex; fingerprints and pseudonyms are HMACs under it, so that nobody can try values against a report */
  key: string;
  /** what was decided about a fingerprint before */
  triaged: Record<string, Triage>;
  /** ask the parent process (`ask('ner', {texts})`) for names and places too */
  ner: boolean;
}

export interface ValidateInput {
  files: RowsFile[];
  /** of the files, in their order: rows that were left out, notes */
  facts: DatasetFileFacts[];
  type: DatasetType | null;
  rules: ColumnRule[];
  keyColumns: string[];
  pii: PiiOptions;
  weights: ScoreWeights;
  threshold: number;
  nearThreshold: number;
  /** paths of the base model's `tokenizer.json` and `tokenizer_config.json` */
  tokenizer: { json: string; config: string | null; maxTokens: number } | null;
  benchmarks: { id: string; name: string; files: RowsFile[]; columns: string[] }[];
  /** the version before this one: for drift and diff */
  previous: { files: RowsFile[] } | null;
  /** findings go here, one JSON object a line: `FoundLine`; at most `keep` of each kind and type that are open, and as many that are not, in order of file and row */
  findings: string;
  /** what is said of the columns goes here, the JSON of a `ColumnProfile` a line: there may be many megabytes of it */
  columns: string;
  keep: number;
  scratch: string;
}
export type SaidOfFinding = Omit<Sentence, 'text'>;
export interface FoundLine {
  kind: FindingKind;
  type: string;
  file: string;
  row: number;
  column: string | null;
  start: number | null;
  end: number | null;
  excerpt: string | null;
  confidence: number;
  message: string;
  /** code and values of the message; null: it says no more than the type does */
  said: SaidOfFinding | null;
  fingerprint: string;
}
export interface ValidateOutput {
  rows: number;
  /** but for the columns */
  profile: Omit<DatasetProfile, 'columns'>;
  /**
   * Exact counts, also where lines were cut. `open`: of those that were not decided to be harmless before (`pii.triaged`); `kept`: lines. Earlier
   * versions told neither.
   */
  counts: { kind: FindingKind; type: string; count: number; open?: number; kept?: number }[];
  ner: 'off' | 'used' | 'unreachable';
  duplicates: { exact: number; near: number };
  contamination: { benchmark_id: string; name: string; items: number; rows: number }[];
  tokens: { total: number; longest: number; over_limit: number; limit: number } | null;
  languages: { language: string; rows: number }[];
  /** `counts`: of the schema, of which 200 changes of a kind are told; earlier versions told all and no counts */
  diff: { summary: CompareOutput['summary']; schema: CompareOutput['schema']; counts?: SchemaCounts } | null;
  /** the 200 most changed */
  drift: DistributionChange[] | null;
  /** columns that drifted, told or not; earlier versions did not say */
  drifted?: number | null;
  score: QualityScore;
  recommendations: Recommendation[];
  seconds: number;
}

export interface CompareInput {
  before: RowsFile[];
  after: RowsFile[];
  /** empty: by whole content */
  keyColumns: string[];
  limit: number;
  offset: number;
  change: 'added' | 'removed' | 'modified' | null;
  /** of each list of columns that is answered: cells of a row, changes of the schema, distributions; `name`: of that one alone */
  columns: { offset: number; limit: number; name?: string | undefined };
  cellLimit: number;
  /** a folder of these versions and keys alone, of which one task at a time makes something that is not there yet */
  kept: string;
  scratch: string;
}
export interface CompareOutput {
  /** empty: by whole content, also when one version lacks a key column */
  keyedBy: string[];
  /** rows whose key an earlier row of their version has; they are paired in order */
  duplicateKeys: { before: number; after: number };
  summary: { added: number; removed: number; modified: number; unchanged: number };
  rows: {
    change: 'added' | 'removed' | 'modified';
    key: Record<string, unknown> | null;
    before: Record<string, unknown> | null;
    after: Record<string, unknown> | null;
    /** that differ, among those that are told */
    cells: string[];
    /** how many differ */
    differing: number;
  }[];
  truncated: boolean;
  schema: {
    added: DatasetColumn[];
    removed: DatasetColumn[];
    changed: { name: string; before: DatasetColumn; after: DatasetColumn }[];
  };
  /** the most changed first */
  distributions: DistributionChange[];
  /** how long the lists of columns are */
  columns: { cells: number; distributions: number } & SchemaCounts;
}
export type SchemaCounts = Record<'added' | 'removed' | 'changed', number>;

export interface RedactInput {
  files: RowsFile[];
  /** one JSON Lines or Parquet or CSV file is written for each of `files`, to `targets` in their order */
  targets: string[];
  formats: DatasetFormat[];
  pii: PiiOptions;
  method: RedactionMethod;
  methods: Record<string, RedactionMethod>;
  scratch: string;
}
export interface RedactOutput {
  rows: number;
  replaced: { type: string; count: number }[];
}

export interface ExportInput {
  files: RowsFile[];
  format: DatasetFormat;
  target: string;
  /** put a `'` before cells of a CSV that a spreadsheet would run */
  neutralise: boolean;
  scratch: string;
}
export interface ExportOutput {
  rows: number;
  /** bytes */
  size: number;
  neutralised: number;
}

export interface ScanInput {
  text: string;
  rules: CustomPiiRule[];
}
export interface ScanOutput {
  matches: { type: string; start: number; end: number; excerpt: string; confidence: number }[];
}

/** How a task tells where it is. */
export interface Progress {
  stage: string;
  /** 0 to 1, of the whole task */
  done: number;
}
