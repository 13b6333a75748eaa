import { LlamaGrammarEvaluationState, type LlamaModel } from 'node-llama-cpp';
import { ApiError } from './errors.ts';
import type { GenerationRequest } from './requests.ts';

/** A grammar is compiled in one go, while every other request waits. */
const MAX_SCHEMA = 32 * 1024;

/** Lets the sampler choose only tokens that keep the answer valid JSON (of a schema, where one is given). */
export async function jsonGrammar(
  model: LlamaModel,
  json: GenerationRequest['json'],
): Promise<LlamaGrammarEvaluationState | undefined> {
  if (json === null) return undefined;
  if (json.schema === null) {
    return new LlamaGrammarEvaluationState({ model, grammar: await model.llama.getGrammarFor('json') });
  }
  if (JSON.stringify(json.schema).length > MAX_SCHEMA) {
    const message = `response_format.json_schema: it is longer than ${MAX_SCHEMA} characters`;
    throw new ApiError(400, 'invalid_request', message, 'response_format');
  }
  try {
    const grammar = await model.llama.createGrammarForJsonSchema(json.schema as { type: 'object' });
    return new LlamaGrammarEvaluationState({ model, grammar });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiError(400, 'invalid_request', `response_format.json_schema: ${reason}`, 'response_format');
  }
}
