import type { DatasetIssue, DatasetType } from '@llm-ops/contracts';
import { words } from './engine/accept/sentences.ts';

/** One thing that rows of a type hold, and what its column may be called; the first name is the usual one. */
interface Part {
  names: readonly [string, ...string[]];
  optional?: boolean;
}
/** Parts that go together. A type may know several such shapes. */
type Shape = Record<string, Part>;

const prompt: Part['names'] = ['prompt', 'question', 'query'];
const shapes: Record<DatasetType, readonly Shape[]> = {
  pretrain_corpus: [{ text: { names: ['text', 'content', 'document', 'body'] } }],
  sft_pair: [
    { messages: { names: ['messages', 'conversations', 'conversation', 'chat'] } },
    {
      instruction: { names: ['instruction'] },
      input: { names: ['input', 'context'], optional: true },
      output: { names: ['output', 'response', 'completion', 'answer'] },
    },
    { prompt: { names: prompt }, completion: { names: ['completion', 'response', 'answer', 'output'] } },
  ],
  rag_qa: [
    {
      question: { names: ['question', 'query', 'prompt'] },
      contexts: { names: ['contexts', 'context', 'documents', 'passages'] },
      answer: { names: ['answer', 'answers', 'ground_truth', 'response'] },
    },
  ],
  rlhf_pair: [
    {
      prompt: { names: ['prompt', 'question', 'query', 'instruction'], optional: true },
      chosen: { names: ['chosen', 'preferred', 'chosen_response'] },
      rejected: { names: ['rejected', 'dispreferred', 'rejected_response'] },
    },
  ],
  benchmark: [
    {
      input: { names: ['input', 'question', 'prompt', 'query'] },
      reference: { names: ['reference', 'answer', 'target', 'expected', 'ground_truth'] },
      choices: { names: ['choices', 'options'], optional: true },
      task: { names: ['task', 'category', 'subject'], optional: true },
    },
  ],
};

/** Part → column of the data. */
export type TypedColumns = Record<string, string>;

/** Which columns hold what a type needs, whatever the case of their names; null: something is missing. */
export function columnsOfType(type: DatasetType, columns: readonly string[]): TypedColumns | null {
  for (const shape of shapes[type]) {
    const found = columnsOfShape(shape, columns);
    if (found.missing.length === 0) return found.columns;
  }
  return null;
}

/** What is missing, and by which names each column is known; null: nothing is. */
export function missingColumns(
  type: DatasetType,
  columns: readonly string[],
): (Pick<DatasetIssue, 'reason' | 'fix' | 'said'> & { column: string }) | null {
  if (columnsOfType(type, columns) !== null) return null;
  const [closest] = shapes[type]
    .map((shape) => ({ shape, ...columnsOfShape(shape, columns) }))
    .toSorted((one, other) => required(one) - required(other));
  const missing = closest!.missing;
  return {
    column: missing[0]!,
    ...words.tell('columns_missing', {
      type,
      wanted: shapes[type].map(describe).join(' / '),
      missing,
      others: aliases(type),
      found: listed(columns),
    }),
  };
}

/** Shapes of which something is there come first, then those that lack least. */
const required = ({ columns, missing }: ReturnType<typeof columnsOfShape>): number =>
  missing.length - 10 * Math.min(1, Object.keys(columns).length);

function columnsOfShape(shape: Shape, columns: readonly string[]): { columns: TypedColumns; missing: string[] } {
  const byName = new Map(columns.map((column) => [column.trim().toLowerCase(), column]));
  const found: TypedColumns = {};
  const missing: string[] = [];
  for (const [part, { names, optional }] of Object.entries(shape)) {
    const name = names.find((known) => byName.has(known));
    if (name !== undefined) found[part] = byName.get(name)!;
    else if (!optional) missing.push(part);
  }
  return { columns: found, missing };
}

function describe(shape: Shape): string {
  return Object.entries(shape)
    .map(([part, { optional }]) => (optional ? `[${part}]` : part))
    .join(' + ');
}

function aliases(type: DatasetType): string {
  const known = new Map<string, Set<string>>();
  for (const shape of shapes[type])
    for (const [part, { names }] of Object.entries(shape)) {
      const others = known.get(part) ?? new Set();
      for (const name of names) if (name !== part) others.add(name);
      known.set(part, others);
    }
  return [...known]
    .filter(([, names]) => names.size > 0)
    .map(([part, names]) => `${part}: ${[...names].join(', ')}`)
    .join('; ');
}

function listed(columns: readonly string[]): string {
  const shown = columns.slice(0, 20).map((column) => (column.length > 60 ? `${column.slice(0, 60)}…` : column));
  return columns.length > shown.length
    ? `${shown.join(', ')}, … (+${columns.length - shown.length})`
    : shown.join(', ');
}
