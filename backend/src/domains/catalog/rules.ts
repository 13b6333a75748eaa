import { createHash } from 'node:crypto';
import { modelStatuses, type Completeness, type ModelStatus, type ModelType } from '@llm-ops/contracts';
import type { z } from 'zod';
import { cardWords } from './sentences.ts';

export type Action = 'submit' | 'approve' | 'reject' | 'request_changes' | 'deprecate' | 'reopen';

/** From a status to another: what that is called. What is not here cannot be done. */
const transitions: Record<ModelStatus, Partial<Record<ModelStatus, Action>>> = {
  draft: { under_review: 'submit' },
  under_review: { approved: 'approve', rejected: 'reject', draft: 'request_changes' },
  approved: { deprecated: 'deprecate' },
  rejected: { draft: 'reopen' },
  deprecated: { under_review: 'submit' },
};

/** null: not possible. */
export function actionBetween(from: ModelStatus, to: ModelStatus): Action | null {
  return transitions[from][to] ?? null;
}

export function possibleFrom(status: ModelStatus): ModelStatus[] {
  return modelStatuses.filter((to) => transitions[status][to] !== undefined);
}

/** May files be added or replaced? Those of an approved model may, but that voids the approval. */
export function takesFiles(status: ModelStatus): boolean {
  return status === 'draft' || status === 'under_review' || status === 'approved';
}

/** One digest for a set of files: another byte, name or file makes another digest. */
export function digestOfFiles(files: readonly { path: string; sha256: string }[]): string {
  const lines = files.map(({ path, sha256 }) => `${path}:${sha256}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}

interface CardFacts {
  type: ModelType;
  metadata: Record<string, unknown>;
  lineage_dataset_ids: readonly string[];
  base_model_id: string | null;
  has_api_key: boolean;
}

type Missing = z.infer<typeof Completeness>['missing'];
/** whether it is there, where, what to say when it is not, whether a review needs it */
type Asked = [boolean, string, Pick<Missing[number], 'message' | 'said'>, boolean];

/** How complete a card is: what is required before a reviewer sees it, and what a good card has besides. */
export function completenessOf(card: CardFacts): z.infer<typeof Completeness> {
  const has = (field: string) => isFilled(card.metadata[field]);
  const lacks: Asked[] = [
    [has('description'), 'metadata.description', cardWords.tell('description'), true],
    ...providerFields(card, has),
    [has('intended_use'), 'metadata.intended_use', cardWords.tell('intended_use'), false],
    [has('license'), 'metadata.license', cardWords.tell('license'), false],
    [has('limitations'), 'metadata.limitations', cardWords.tell('limitations'), false],
  ];
  if (card.type === 'fine-tuned') {
    lacks.push([card.base_model_id !== null, 'base_model_id', cardWords.tell('base_model_id'), false]);
    lacks.push([
      card.lineage_dataset_ids.length > 0,
      'lineage_dataset_ids',
      cardWords.tell('lineage_dataset_ids'),
      false,
    ]);
  }
  const missing: Missing = lacks.flatMap(([present, path, told, required]) =>
    present ? [] : [{ path, ...told, required }],
  );
  return { score: Math.round((100 * (lacks.length - missing.length)) / lacks.length), missing };
}

function providerFields(card: CardFacts, has: (field: string) => boolean): Asked[] {
  if (card.type !== 'external') return [];
  const { provider } = card.metadata;
  const fields: Asked[] = [
    [provider === 'openai' || provider === 'ollama', 'metadata.provider', cardWords.tell('provider'), true],
    [has('model_name'), 'metadata.model_name', cardWords.tell('model_name'), true],
  ];
  if (provider === 'ollama') {
    fields.push([has('endpoint'), 'metadata.endpoint', cardWords.tell('endpoint'), true]);
  }
  if (provider === 'openai') {
    // a server of one's own that speaks OpenAI's protocol may take no key
    const needed = card.has_api_key || has('base_url');
    fields.push([needed, 'metadata.api_key', cardWords.tell('api_key'), true]);
  }
  return fields;
}

function isFilled(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

export interface Change {
  path: string;
  change: 'added' | 'removed' | 'changed';
  before: unknown;
  after: unknown;
}

/** What differs between two JSON values, by dotted path; objects are entered, lists are compared as a whole. */
export function differences(before: unknown, after: unknown, path = ''): Change[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(own(before, key), own(after, key), path === '' ? key : `${path}.${key}`));
  }
  if (JSON.stringify(before ?? null) === JSON.stringify(after ?? null)) return [];
  const change = isAbsent(before) ? 'added' : isAbsent(after) ? 'removed' : 'changed';
  return [{ path, change, before: before ?? null, after: after ?? null }];
}

/** A change of type or parts of a list of named things: files, tensors. */
export function pairs<T>(
  before: readonly T[],
  after: readonly T[],
  name: (item: T) => string,
): { name: string; before: T | null; after: T | null }[] {
  const left = new Map(before.map((item) => [name(item), item]));
  const right = new Map(after.map((item) => [name(item), item]));
  return [...new Set([...left.keys(), ...right.keys()])]
    .sort()
    .map((key) => ({ name: key, before: left.get(key) ?? null, after: right.get(key) ?? null }));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isAbsent = (value: unknown) => value === undefined || value === null;
const own = (object: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;
