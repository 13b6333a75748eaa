import type { Operation } from '#ports/provider';
import { isObject, refusal, type Json } from './json.ts';
import { finishOf, headOf, legacyLogprobsOf, logprobsOf, toolCallsOf, usageOf, type Source } from './pieces.ts';

/** OpenAI's whole answer for Ollama's; null when it is none. */
export function answerOf(operation: Operation, answer: Buffer, asked: Readonly<Json>, source: Source): Json | null {
  let value: unknown;
  try {
    value = JSON.parse(answer.toString('utf8'));
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  if (operation === 'embedding') return embeddingsOf(value, asked);
  if (value['done'] !== true) return null;
  return operation === 'chat' ? chatOf(value, source) : completionOf(value, source);
}

function chatOf(value: Json, source: Source): Json | null {
  const { message } = value;
  if (!isObject(message)) return null;
  const content = typeof message['content'] === 'string' ? message['content'] : '';
  const calls = toolCallsOf(message, source);
  const choice = {
    index: 0,
    message: {
      role: 'assistant',
      content: content === '' && calls.length > 0 ? null : content,
      refusal: null,
      ...(typeof message['thinking'] === 'string' && message['thinking'] !== '' && { reasoning: message['thinking'] }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
    logprobs: logprobsOf(value),
    finish_reason: finishOf(value, calls.length > 0),
  };
  return {
    ...headOf('chat', value, source),
    object: 'chat.completion',
    choices: [choice],
    ...usageMember(value, content),
  };
}

function completionOf(value: Json, source: Source): Json | null {
  const text = value['response'];
  if (typeof text !== 'string') return null;
  const choice = { index: 0, text, logprobs: legacyLogprobsOf(value, 0), finish_reason: finishOf(value, false) };
  return {
    ...headOf('completion', value, source),
    object: 'text_completion',
    choices: [choice],
    ...usageMember(value, text),
  };
}

function usageMember(value: Json, text: string): Json {
  const usage = usageOf(value, text !== '');
  return usage === null ? {} : { usage };
}

/** Throws `upstream_refused` where Ollama ignored `dimensions`, which it does beyond the length that the model's vectors have. */
function embeddingsOf(value: Json, asked: Readonly<Json>): Json | null {
  const vectors = value['embeddings'];
  const wanted = Array.isArray(asked['input']) ? asked['input'].length : 1;
  if (!Array.isArray(vectors) || vectors.length !== wanted || !vectors.every(isVector)) return null;
  const { dimensions } = asked;
  const length = vectors[0]?.length ?? 0;
  if (typeof dimensions === 'number' && length !== dimensions)
    throw refusal('dimensions', `Must be at most the ${length} of this model.`);
  const base64 = asked['encoding_format'] === 'base64';
  const tokens = value['prompt_eval_count'];
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: base64 ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector,
    })),
    model: value['model'] ?? asked['model'],
    ...(typeof tokens === 'number' && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  };
}

const isVector = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((entry) => typeof entry === 'number');
