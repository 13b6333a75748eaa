import { randomUUID } from 'node:crypto';
import type { Dialect } from '#ports/provider';
import { answerOf } from './answer.ts';
import { requestOf } from './request.ts';
import type { Source } from './pieces.ts';
import { createStream } from './stream.ts';

const ownSource: Source = {
  newId: () => randomUUID().replaceAll('-', ''),
  now: () => Math.floor(Date.now() / 1000),
};

/** OpenAI's API over Ollama's own. */
export function createOllamaDialect(source: Source = ownSource): Dialect {
  return {
    request: requestOf,
    response: (operation, answer, asked) => answerOf(operation, answer, asked, source),
    stream: (operation) => createStream(operation, source),
  };
}
