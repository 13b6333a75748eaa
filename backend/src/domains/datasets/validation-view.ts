import type { DatasetValidation, Finding } from '@llm-ops/contracts';
import { chatFaults } from './engine/chat/faults.ts';
import { isDrift } from './engine/effect.ts';
import { piiWords } from './engine/sentences.ts';
import type { DatasetRow, Held, JudgedFinding, Report, ValidationRow } from './store/index.ts';

type Stage = DatasetValidation['stage'];

/** findings that are kept of each kind and type while nobody has judged them */
export const keptFindings = 10_000;

const iso = (time: Date | null) => time?.toISOString() ?? null;

/** A finding that says no more than its type does is known in every language. */
function saidOf({ type, message, said }: Pick<JudgedFinding, 'type' | 'message' | 'said'>): Finding['said'] {
  if (said !== null) return { message: said };
  const fault = faultsByMessage.get(message);
  if (fault !== undefined) return { message: fault };
  const told = type in piiWords.table ? piiWords.tell(type) : null;
  return told?.label === message.slice(0, -1) ? { message: told.said['label']! } : undefined;
}
const faultsByMessage = new Map(
  Object.values(chatFaults).map(({ message, said }) => [message as string, said['message']!]),
);

export function toFinding(row: JudgedFinding): Finding {
  return {
    id: `${row.validation_id}.${row.number}`,
    kind: row.kind,
    type: row.type,
    file: row.file,
    row: row.row_number,
    column: row.column_name,
    start: row.span_start,
    end: row.span_end,
    excerpt: row.excerpt,
    // four digits are what a `real` of the database knows
    confidence: Math.round(row.confidence * 1e4) / 1e4,
    triage: row.triage,
    message: row.message,
    said: saidOf(row),
    fingerprint: row.fingerprint,
  };
}

/** Personal data by type: how often it was found, and how often nobody has judged it, with what was not kept. */
export function personalOf(report: Report, held: readonly Held[]): { type: string; count: number; open: number }[] {
  return report.counts
    .filter(({ kind }) => kind === 'pii')
    .map(({ type, count }) => {
      const open = held.find((one) => one.type === type)?.open ?? 0;
      return { type, count, open: open + (report.unseen[type] ?? 0) };
    });
}

/** A validation as the API answers it; `row` null: the dataset was never validated. */
export function toValidation(given: {
  dataset: DatasetRow;
  /** of the files as they are; null: they are not ready */
  digest: string | null;
  row: ValidationRow | null;
  held: readonly Held[];
  /** the first findings of personal data */
  locations: readonly JudgedFinding[];
}): DatasetValidation {
  const { dataset, digest, row, held, locations } = given;
  const report = row?.report ?? null;
  const current = row !== null && row.files_digest === digest;
  const recommendations = report?.recommendations ?? [];
  return {
    id: row?.id ?? null,
    dataset_id: dataset.id,
    status: row?.status ?? null,
    current,
    stage: (row?.stage ?? 'waiting') as Stage,
    progress: row?.progress ?? 0,
    error: row?.error ?? null,
    remedy: row?.remedy ?? null,
    said: row?.said ?? undefined,
    options: row?.options ?? null,
    pii_scan: {
      status:
        dataset.validated_digest !== null && dataset.validated_digest === digest ? dataset.pii_scan_status : 'pending',
      detected_types: report === null ? [] : personalOf(report, held),
      locations: locations.map(toFinding),
      recommendations: recommendations.filter(({ kind }) => kind === 'pii'),
      ner: report?.ner ?? 'off',
    },
    quality_score: report?.score ?? null,
    findings: (report?.counts ?? []).map(({ kind, type, count, kept }) => ({
      kind,
      type,
      count,
      kept: kept ?? Math.min(count, keptFindings),
    })),
    findings_kept: row?.findings_kept ?? 0,
    duplicates: report?.duplicates ?? null,
    contamination: report?.contamination ?? null,
    tokens: report?.tokens ?? null,
    languages: report?.languages ?? null,
    diff: report?.diff && report.against ? toDiff(report.diff, report.against) : null,
    drift: report?.drift ?? null,
    drifted_columns: report?.drifted ?? report?.drift?.filter(isDrift).length ?? null,
    recommendations,
    seconds: report?.seconds ?? null,
    requested_by: row?.requested_by ?? null,
    created_at: iso(row?.created_at ?? null),
    started_at: iso(row?.started_at ?? null),
    finished_at: iso(row?.finished_at ?? null),
  };
}

function toDiff({ counts, schema, ...diff }: NonNullable<Report['diff']>, against: { id: string; version: string }) {
  const { added, removed, changed } = schema;
  const lengths = { added: added.length, removed: removed.length, changed: changed.length };
  return { against, ...diff, schema, schema_counts: counts ?? lengths };
}

/** Personal data that was found but not kept, and that nobody decided to be harmless before: nobody can judge it. */
export function unseenOf(counts: Report['counts'], held: readonly Held[]): Record<string, number> {
  const unseen: Record<string, number> = {};
  for (const { kind, type, count, open } of counts) {
    const known = held.find((one) => one.type === type);
    const left = open === undefined ? count - (known?.kept ?? 0) : open - (known?.harmful ?? 0);
    if (kind === 'pii' && left > 0) unseen[type] = left;
  }
  return unseen;
}

/**
 * What a validation says of personal data: `failed` while something sure is open or real, also where not all of it could be kept for a
 * look; `pending` when not all kinds were looked for.
 */
export function piiStatusOf(
  unseen: Record<string, number>,
  held: readonly Held[],
  restricted: boolean,
): DatasetRow['pii_scan_status'] {
  const sure = (type: string) => held.every((one) => one.type !== type || one.sure > 0);
  if (held.some((one) => one.held > 0) || Object.keys(unseen).some(sure)) return 'failed';
  return restricted ? 'pending' : 'clean';
}
