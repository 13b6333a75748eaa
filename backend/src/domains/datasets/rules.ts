import { createHash } from 'node:crypto';
import {
  modelStatuses,
  type Completeness,
  type DatasetColumn,
  type DatasetFileFacts,
  type DatasetFormat,
  type DatasetGate,
  type DatasetStatus,
  type DatasetType,
  type PiiScanStatus,
} from '@llm-ops/contracts';
import type { z } from 'zod';
import { again, type Said, type Value } from '#platform/words';
import { cardWords, gateWords } from './sentences.ts';

export type Action = 'submit' | 'approve' | 'reject' | 'request_changes' | 'deprecate' | 'reopen';

/** From a status to another: what that is called. What is not here cannot be done. */
const transitions: Record<DatasetStatus, Partial<Record<DatasetStatus, Action>>> = {
  draft: { under_review: 'submit' },
  under_review: { approved: 'approve', rejected: 'reject', draft: 'request_changes' },
  approved: { deprecated: 'deprecate' },
  rejected: { draft: 'reopen' },
  deprecated: { under_review: 'submit' },
};

/** null: not possible. */
export function actionBetween(from: DatasetStatus, to: DatasetStatus): Action | null {
  return transitions[from][to] ?? null;
}

export function possibleFrom(status: DatasetStatus): DatasetStatus[] {
  return modelStatuses.filter((to) => transitions[status][to] !== undefined);
}

interface FileState {
  path: string;
  sha256: string;
  status: 'uploading' | 'checking' | 'ready' | 'refused';
}

/** One digest for the files of a version: another byte, name or file makes another digest. null: not all of them are ready. */
export function digestOfFiles(files: readonly FileState[]): string | null {
  if (files.length === 0 || files.some(({ status }) => status !== 'ready')) return null;
  const lines = files.map(({ path, sha256 }) => `${path}:${sha256}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}

interface CardFacts {
  type: DatasetType | null;
  task: string | null;
  metadata: Record<string, unknown>;
  change_log: string | null;
  parent_id: string | null;
}

/** How complete a card is: what is required before a reviewer sees it, and what a good card has besides. */
export function completenessOf(card: CardFacts): z.infer<typeof Completeness> {
  const has = (field: string) => isFilled(card.metadata[field]);
  const asked: [boolean, string, Parameters<typeof cardWords.tell>[0], boolean][] = [
    [has('description'), 'metadata.description', 'description', true],
    [card.type !== null, 'type', 'type', false],
    [has('license'), 'metadata.license', 'license', false],
    [has('language'), 'metadata.language', 'language', false],
    [has('source'), 'metadata.source', 'source', false],
    [has('intended_use'), 'metadata.intended_use', 'intended_use', false],
    [has('limitations'), 'metadata.limitations', 'limitations', false],
  ];
  if (card.type === 'benchmark') asked.push([isFilled(card.task), 'task', 'task', true]);
  if (card.parent_id !== null) asked.push([isFilled(card.change_log), 'change_log', 'change_log', false]);
  const missing = asked.flatMap(([present, path, field, required]) =>
    present ? [] : [{ path, ...cardWords.tell(field), required }],
  );
  return { score: Math.round((100 * (asked.length - missing.length)) / asked.length), missing };
}

function isFilled(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

/** What all files have in common; null while there are none, or several. */
export function formatOfFiles(files: readonly { facts: DatasetFileFacts | null }[]): DatasetFormat | null {
  const formats = new Set(files.flatMap(({ facts }) => (facts === null ? [] : [facts.format])));
  return formats.size === 1 ? [...formats][0]! : null;
}

/** The columns of all files in the order in which they first come; one that a file lacks is nullable, one of several types is `mixed`. */
export function columnsOfFiles(files: readonly { facts: DatasetFileFacts | null }[]): DatasetColumn[] {
  const sets = files.flatMap(({ facts }) => (facts === null ? [] : [facts.columns]));
  const found = new Map<string, DatasetColumn & { files: number }>();
  for (const { name, type, nullable } of sets.flat()) {
    const known = found.get(name);
    if (known === undefined) found.set(name, { name, type, nullable, files: 1 });
    else {
      known.type = known.type === type ? type : 'mixed';
      known.nullable ||= nullable;
      known.files++;
    }
  }
  return [...found.values()].map(({ files: count, ...column }) => ({
    ...column,
    nullable: column.nullable || count < sets.length,
  }));
}

export interface GateFacts {
  completeness: z.infer<typeof Completeness>;
  files: readonly FileState[];
  /** work that brings files is under way */
  filling: boolean;
  /** of the files that `pii` and `quality` are about */
  validatedDigest: string | null;
  pii: PiiScanStatus;
  quality: number | null;
  threshold: number;
  newest: {
    status: 'queued' | 'running' | 'succeeded' | 'failed' | 'superseded';
    error: string | null;
    said?: Said | null;
  } | null;
  /** the version that this one follows; null: the first, or that one is gone */
  parent: { id: string; version: string; ready: boolean } | null;
  /** the version that the result was compared with */
  comparedWith: string | null;
}

/** What stands between a dataset and its approval, in the order in which it is to be dealt with. */
export function gatesOf(facts: GateFacts): DatasetGate[] {
  return [
    metadataGate(facts),
    filesGate(facts),
    validationGate(facts),
    piiGate(facts),
    qualityGate(facts),
    diffGate(facts),
  ];
}

type Gate = (facts: GateFacts) => DatasetGate;

type Spoken = Pick<DatasetGate, 'message' | 'said'>;
const passed = (gate: DatasetGate['gate'], told: Spoken): DatasetGate => ({
  gate,
  passed: true,
  remedy: null,
  ...told,
});
const open = (gate: DatasetGate['gate'], told: Spoken & { remedy: string }): DatasetGate => ({
  gate,
  passed: false,
  ...told,
});

const metadataGate: Gate = ({ completeness }) => {
  const missing = completeness.missing.filter(({ required }) => required);
  if (missing.length === 0) return passed('metadata', gateWords.tell('metadata_passed'));
  const fields = missing.map(({ path }) => path);
  return open('metadata', gateWords.tell('metadata_lacks', { fields, first: again(missing[0]!, 'message') }));
};

const filesGate: Gate = ({ files, filling }) => {
  if (filling) return open('files', gateWords.tell('files_coming'));
  if (files.length === 0) return open('files', gateWords.tell('files_none'));
  const refused = files.filter(({ status }) => status === 'refused');
  if (refused.length > 0) return open('files', gateWords.tell('files_refused', { files: named(refused) }));
  const waiting = files.filter(({ status }) => status !== 'ready');
  if (waiting.length > 0) return open('files', gateWords.tell('files_waiting', { files: named(waiting) }));
  return passed(
    'files',
    files.length === 1 ? gateWords.tell('files_one') : gateWords.tell('files_all', { files: files.length }),
  );
};

const validationGate: Gate = (facts) => {
  const { newest } = facts;
  if (newest?.status === 'queued' || newest?.status === 'running')
    return open('validation', gateWords.tell('validation_running'));
  if (isValidated(facts)) return passed('validation', gateWords.tell('validation_passed'));
  if (newest?.status !== 'failed') return open('validation', gateWords.tell('validation_none'));
  const { error, said } = newest;
  const cause = error === null ? gateWords.line('see_log') : again({ error, said: said ?? undefined }, 'error');
  return open('validation', gateWords.tell('validation_failed', { cause }));
};

const piiGate: Gate = (facts) => {
  if (!isValidated(facts) || facts.pii === 'pending') return open('pii', gateWords.tell('pii_pending'));
  if (facts.pii === 'clean') return passed('pii', gateWords.tell('pii_passed'));
  return open('pii', gateWords.tell('pii_found'));
};

const qualityGate: Gate = (facts) => {
  const { quality, threshold } = facts;
  if (!isValidated(facts) || quality === null) return open('quality', gateWords.tell('quality_none'));
  const known = { score: shown(quality), threshold: shown(threshold) };
  if (quality >= threshold) return passed('quality', gateWords.tell('quality_passed', known));
  return open('quality', gateWords.tell('quality_low', known));
};

const diffGate: Gate = (facts) => {
  const { parent, comparedWith } = facts;
  if (parent === null) return passed('diff', gateWords.tell('diff_first'));
  const { version } = parent;
  if (!parent.ready) return passed('diff', gateWords.tell('diff_empty', { version }));
  if (isValidated(facts) && comparedWith === parent.id)
    return passed('diff', gateWords.tell('diff_passed', { version }));
  return open('diff', gateWords.tell('diff_missing', { version }));
};

function isValidated({ files, validatedDigest }: GateFacts): boolean {
  return validatedDigest !== null && validatedDigest === digestOfFiles(files);
}

function named(files: readonly { path: string }[]): Value {
  const first = files[0]!.path;
  if (files.length === 1) return first;
  return gateWords.line('first_and_more', { first, more: files.length - 1 });
}

/** Never rounded up to what would pass. */
const shown = (score: number): string => String(Math.floor(score * 10) / 10);
