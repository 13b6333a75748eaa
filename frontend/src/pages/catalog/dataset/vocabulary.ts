import type { ColumnType, DatasetFormat, DatasetStatus, DatasetType, FindingKind, Triage } from '@llm-ops/contracts';

// the contract's words as values: importing them from there would carry zod into every page
export const datasetTypes = [
  'pretrain_corpus',
  'sft_pair',
  'rag_qa',
  'rlhf_pair',
  'benchmark',
] as const satisfies readonly DatasetType[];
export const piiStatuses = ['pending', 'clean', 'failed'] as const;
export const findingKinds = [
  'pii',
  'duplicate',
  'near_duplicate',
  'schema',
  'chat',
  'contamination',
  'outlier',
] as const satisfies readonly FindingKind[];
export const triages = ['open', 'real', 'false_positive', 'accepted'] as const satisfies readonly Triage[];
export const formats = ['csv', 'jsonl', 'parquet'] as const satisfies readonly DatasetFormat[];
export const redactionMethods = ['mask', 'hash', 'pseudonym', 'keep'] as const;
/** What the platform knows without rules, as the server has them. */
export const builtInPiiTypes = [
  'email',
  'phone',
  'address',
  'ip_address',
  'credit_card',
  'iban',
  'kr_rrn',
  'kr_foreigner',
  'kr_brn',
  'kr_corp',
  'us_ssn',
  'passport',
  'api_key',
  'private_key',
] as const;
export const scoreParts = ['missing_values', 'duplicates', 'distribution', 'schema_compliance', 'format'] as const;
export const stages = [
  'waiting',
  'profile',
  'duplicates',
  'content',
  'contamination',
  'drift',
  'score',
  'recording',
] as const;
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
] as const satisfies readonly ColumnType[];

/** May its card be changed, and may files be added? A version that was submitted is frozen. */
export const isDraft = (status: DatasetStatus): boolean => status === 'draft';

const icons: Record<ColumnType, string> = {
  string: 'i-lucide-type',
  integer: 'i-lucide-hash',
  number: 'i-lucide-hash',
  boolean: 'i-lucide-toggle-left',
  date: 'i-lucide-calendar',
  datetime: 'i-lucide-calendar-clock',
  list: 'i-lucide-brackets',
  object: 'i-lucide-braces',
  binary: 'i-lucide-binary',
  mixed: 'i-lucide-shapes',
};
export const iconOf = (type: ColumnType): string => icons[type];
