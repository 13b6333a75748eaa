/** The counting thread: tokenizers in memory, and nothing else. Their files come from users: it may be ended at any time. */
import { parentPort } from 'node:worker_threads';
import { Tokenizer } from '@huggingface/tokenizers';
import type { Answer, Request } from './messages.ts';

const tokenizers = new Map<string, Tokenizer>();

function run(request: Request): number {
  if (request.kind === 'drop') tokenizers.delete(request.model);
  if (request.kind === 'load') {
    const config = request.config === null ? {} : parse(request.config);
    tokenizers.set(request.model, new Tokenizer(parse(request.json), config));
  }
  if (request.kind !== 'count') return 0;
  const tokenizer = tokenizers.get(request.model);
  if (tokenizer === undefined) throw new Error('this tokenizer is not loaded');
  let count = 0;
  for (const text of request.texts) count += tokenizer.tokenize(text, { add_special_tokens: false }).length;
  return count;
}

const parse = (bytes: Uint8Array): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;

parentPort?.on('message', (request: Request) => {
  let answer: Answer;
  try {
    answer = { count: run(request) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
