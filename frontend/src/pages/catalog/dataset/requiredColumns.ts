import type { DatasetType } from '@llm-ops/contracts';

/** One thing that rows of a type hold, and what its column may be called; the first name is the one that is told. */
interface Part {
  names: readonly [string, ...string[]];
  optional?: boolean;
}

/**
 * What the files of a type must have: all parts of one of these shapes that are not optional. The platform decides; this says so before
 * anything is sent, and a test holds it to what the platform asks for.
 */
export const shapes: Record<DatasetType, readonly (readonly Part[])[]> = {
  pretrain_corpus: [[{ names: ['text', 'content', 'document', 'body'] }]],
  sft_pair: [
    [{ names: ['messages', 'conversations', 'conversation', 'chat'] }],
    [
      { names: ['instruction'] },
      { names: ['input', 'context'], optional: true },
      { names: ['output', 'response', 'completion', 'answer'] },
    ],
    [{ names: ['prompt', 'question', 'query'] }, { names: ['completion', 'response', 'answer', 'output'] }],
  ],
  rag_qa: [
    [
      { names: ['question', 'query', 'prompt'] },
      { names: ['contexts', 'context', 'documents', 'passages'] },
      { names: ['answer', 'answers', 'ground_truth', 'response'] },
    ],
  ],
  rlhf_pair: [
    [
      { names: ['prompt', 'question', 'query', 'instruction'], optional: true },
      { names: ['chosen', 'preferred', 'chosen_response'] },
      { names: ['rejected', 'dispreferred', 'rejected_response'] },
    ],
  ],
  benchmark: [
    [
      { names: ['input', 'question', 'prompt', 'query'] },
      { names: ['reference', 'answer', 'target', 'expected', 'ground_truth'] },
      { names: ['choices', 'options'], optional: true },
      { names: ['task', 'category', 'subject'], optional: true },
    ],
  ],
};

/** Do these columns have what a dataset of the type needs, whatever the case of their names? */
export function fits(type: DatasetType, columns: readonly string[]): boolean {
  const there = new Set(columns.map((column) => column.trim().toLowerCase()));
  return shapes[type].some((shape) =>
    shape.every(({ names, optional }) => optional || names.some((name) => there.has(name))),
  );
}

/** `messages`, `instruction + [input] + output`: the columns of each shape under their usual names. */
export const usualNames = (type: DatasetType): { name: string; optional: boolean; others: readonly string[] }[][] =>
  shapes[type].map((shape) =>
    shape.map(({ names: [name, ...others], optional = false }) => ({ name, optional, others })),
  );
