import type { Provider } from '#ports/provider';
import { custom } from './custom/index.ts';
import { llamaCpp } from './llama.cpp/index.ts';
import { ollama } from './ollama/index.ts';
import { openai } from './openai/index.ts';
import { tgi } from './tgi/index.ts';
import { vllm } from './vllm/index.ts';

/** Every kind of upstream there is, for whoever calls one. */
export const providers: Readonly<Record<Provider['kind'], Provider>> = {
  openai,
  ollama,
  vllm,
  tgi,
  'llama.cpp': llamaCpp,
  custom,
};
