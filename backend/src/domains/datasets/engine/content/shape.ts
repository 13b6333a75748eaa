import type { DatasetType } from '@llm-ops/contracts';
import { columnsOfType } from '../../columns-of-type.ts';

/** What the columns of a dataset's rows are to each other. Names are those of its columns. */
export type Shape =
  | { kind: 'messages'; messages: string }
  | { kind: 'prompt'; prompt: string[]; completion: string }
  | { kind: 'pair'; prompt: string | null; chosen: string; rejected: string }
  | { kind: 'question'; question: string; contexts: string; answer: string }
  | { kind: 'item'; input: string; reference: string; choices: string | null }
  | { kind: 'texts'; texts: string[] };

/** `texts`: the columns that hold text, for rows whose form is not known. */
export function shapeOf(type: DatasetType | null, columns: readonly string[], texts: readonly string[]): Shape {
  const parts = type === null ? null : columnsOfType(type, columns);
  if (parts === null) return { kind: 'texts', texts: [...texts] };
  const of = (part: string): string => parts[part]!;
  const perhaps = (part: string): string | null => parts[part] ?? null;
  switch (type!) {
    case 'pretrain_corpus':
      return { kind: 'texts', texts: [of('text')] };
    case 'sft_pair': {
      if (parts['messages'] !== undefined) return { kind: 'messages', messages: of('messages') };
      if (parts['prompt'] !== undefined)
        return { kind: 'prompt', prompt: [of('prompt')], completion: of('completion') };
      const asked = [of('instruction'), ...(parts['input'] === undefined ? [] : [of('input')])];
      return { kind: 'prompt', prompt: asked, completion: of('output') };
    }
    case 'rag_qa':
      return { kind: 'question', question: of('question'), contexts: of('contexts'), answer: of('answer') };
    case 'rlhf_pair':
      return { kind: 'pair', prompt: perhaps('prompt'), chosen: of('chosen'), rejected: of('rejected') };
    case 'benchmark':
      return { kind: 'item', input: of('input'), reference: of('reference'), choices: perhaps('choices') };
  }
}

export function columnsOfShape(shape: Shape): string[] {
  switch (shape.kind) {
    case 'messages':
      return [shape.messages];
    case 'prompt':
      return [...shape.prompt, shape.completion];
    case 'pair':
      return [...(shape.prompt === null ? [] : [shape.prompt]), shape.chosen, shape.rejected];
    case 'question':
      return [shape.question, shape.contexts, shape.answer];
    case 'item':
      return [shape.input, shape.reference, ...(shape.choices === null ? [] : [shape.choices])];
    case 'texts':
      return shape.texts;
  }
}
