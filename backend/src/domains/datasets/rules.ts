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
  const asked: [boolean, string, string, boolean][] = [
    [has('description'), 'metadata.description', 'Say what this dataset holds, in a sentence or more.', true],
    [
      card.type !== null,
      'type',
      'Say what it is for: pretrain_corpus, sft_pair, rag_qa, rlhf_pair or benchmark.',
      false,
    ],
    [has('license'), 'metadata.license', 'Name the license, as an SPDX identifier if there is one.', false],
    [has('language'), 'metadata.language', 'Name the languages of the texts, such as en or ko.', false],
    [has('source'), 'metadata.source', 'Say where the data comes from.', false],
    [has('intended_use'), 'metadata.intended_use', 'Say what it is meant for, and what not.', false],
    [has('limitations'), 'metadata.limitations', 'Say what it lacks or is known to be biased in.', false],
  ];
  if (card.type === 'benchmark')
    asked.push([isFilled(card.task), 'task', 'Say which task the benchmark is about.', true]);
  if (card.parent_id !== null)
    asked.push([isFilled(card.change_log), 'change_log', 'Say what changed since the version before.', false]);
  const missing = asked.flatMap(([present, path, message, required]) => (present ? [] : [{ path, message, required }]));
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
  newest: { status: 'queued' | 'running' | 'succeeded' | 'failed' | 'superseded'; error: string | null } | null;
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

const passed = (gate: DatasetGate['gate'], message: string): DatasetGate => ({
  gate,
  passed: true,
  message,
  remedy: null,
});
const open = (gate: DatasetGate['gate'], message: string, remedy: string): DatasetGate => ({
  gate,
  passed: false,
  message,
  remedy,
});

const metadataGate: Gate = ({ completeness }) => {
  const missing = completeness.missing.filter(({ required }) => required);
  if (missing.length === 0) return passed('metadata', 'The card says what it must.');
  return open('metadata', `The card lacks ${missing.map(({ path }) => path).join(', ')}.`, missing[0]!.message);
};

const filesGate: Gate = ({ files, filling }) => {
  if (filling) return open('files', 'Files are still being brought here.', 'Wait until the work on this version ends.');
  if (files.length === 0) return open('files', 'There are no files.', 'Upload CSV, JSON Lines or Parquet.');
  const refused = files.filter(({ status }) => status === 'refused');
  if (refused.length > 0)
    return open(
      'files',
      `${named(refused)} cannot be read.`,
      'Fix what its issues say and upload again, or delete it.',
    );
  const waiting = files.filter(({ status }) => status !== 'ready');
  if (waiting.length > 0) return open('files', `${named(waiting)} has not been read yet.`, 'Wait until it is ready.');
  return passed('files', files.length === 1 ? 'The file was read.' : `All ${files.length} files were read.`);
};

const validationGate: Gate = (facts) => {
  const { newest } = facts;
  if (newest?.status === 'queued' || newest?.status === 'running')
    return open('validation', 'A validation is under way.', 'Wait until it ends.');
  if (isValidated(facts)) return passed('validation', 'These files were validated.');
  if (newest?.status === 'failed')
    return open('validation', `The validation failed: ${newest.error ?? 'see the log'}`, 'Start it again.');
  return open('validation', 'These files have not been validated.', 'Start a validation.');
};

const piiGate: Gate = (facts) => {
  if (!isValidated(facts) || facts.pii === 'pending')
    return open('pii', 'These files have not been looked through for personal data.', 'Wait for the validation.');
  if (facts.pii === 'clean') return passed('pii', 'No personal data is open.');
  return open('pii', 'Personal data was found.', 'Redact it into a new version, or judge each finding.');
};

const qualityGate: Gate = (facts) => {
  const { quality, threshold } = facts;
  if (!isValidated(facts) || quality === null)
    return open('quality', 'These files have no quality score yet.', 'Wait for the validation.');
  const score = `The quality score is ${shown(quality)}, `;
  if (quality >= threshold) return passed('quality', `${score}${shown(threshold)} is needed.`);
  return open('quality', `${score}${shown(threshold)} is needed.`, 'Follow the recommendations of the validation.');
};

const diffGate: Gate = (facts) => {
  const { parent, comparedWith } = facts;
  if (parent === null) return passed('diff', 'There is no version before this one.');
  if (!parent.ready) return passed('diff', `Version ${parent.version} has no rows to compare with.`);
  if (isValidated(facts) && comparedWith === parent.id)
    return passed('diff', `It was compared with version ${parent.version}.`);
  return open(
    'diff',
    `It was not compared with version ${parent.version} yet.`,
    'Start a validation, which compares them.',
  );
};

function isValidated({ files, validatedDigest }: GateFacts): boolean {
  return validatedDigest !== null && validatedDigest === digestOfFiles(files);
}

function named(files: readonly { path: string }[]): string {
  const [first] = files;
  return files.length === 1 ? first!.path : `${first!.path} and ${files.length - 1} more`;
}

/** Never rounded up to what would pass. */
const shown = (score: number): string => String(Math.floor(score * 10) / 10);
