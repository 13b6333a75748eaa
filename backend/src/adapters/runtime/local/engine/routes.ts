import type { ServerResponse } from 'node:http';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { answer, chatShape, completionShape, goneSignal, type Shape } from './answers.ts';
import type { createEmbedder } from './embed.ts';
import { ApiError } from './errors.ts';
import type { createGenerator } from './generate.ts';
import { readJson, sendJson, type Handler } from './http.ts';
import { createPrompts } from './prompts.ts';
import { parseChat, parseCompletion, parseEmbedding, type GenerationRequest } from './requests.ts';
import { createChatTemplate } from './template.ts';

interface Deps {
  model: LlamaModel;
  contextLength: number;
  name: string;
  generator: ReturnType<typeof createGenerator>;
  embedder: ReturnType<typeof createEmbedder>;
  log(line: string): void;
}

/** `POST /v1/chat/completions` and `/v1/completions`, streamed and not, and `/v1/embeddings`. */
export function createInferenceRoutes({ model, contextLength, name, generator, embedder, log }: Deps) {
  const { bosString, eosString } = model.tokens;
  const source = (model.fileInfo.metadata.tokenizer as { chat_template?: unknown } | undefined)?.chat_template;
  const template = createChatTemplate({
    template: typeof source === 'string' ? source : null,
    bosToken: bosString,
    eosToken: eosString,
  });
  const prompts = createPrompts({ model, contextLength });

  const generated = (response: ServerResponse, shape: Shape, prompt: Token[], request: GenerationRequest) =>
    answer({
      response,
      shape,
      request,
      name,
      log,
      promptTokens: prompt.length,
      generate: (signal) => generator.generate(prompt, request, signal),
    });

  let inFlight = 0;
  /** Counted until the last byte is sent, so that draining cuts no answer short. */
  const counted =
    (handler: Handler): Handler =>
    (request, response) => {
      inFlight++;
      response.once('close', () => inFlight--);
      return handler(request, response);
    };

  return {
    inFlight: () => inFlight,
    chat: counted(async (request, response) => {
      const body = parseChat(await readJson(request));
      const text = template.render(body.messages, body.extra);
      await generated(response, chatShape, prompts.ofChat(text), body);
    }),
    completions: counted(async (request, response) => {
      const body = parseCompletion(await readJson(request));
      await generated(response, completionShape, prompts.ofCompletion(body.prompt), body);
    }),
    embeddings: counted(async (request, response) => {
      const { inputs, base64, dimensions } = parseEmbedding(await readJson(request));
      const length = model.embeddingVectorSize;
      if (dimensions !== null && dimensions !== length) {
        const message = `dimensions: this model's vectors have ${length}, and no other length is offered`;
        throw new ApiError(400, 'invalid_request', message, 'dimensions');
      }
      const signal = goneSignal(response);
      try {
        const prepared = await prompts.ofEmbedding(inputs, signal);
        const { vectors, promptTokens } = await embedder.embed(prepared, signal);
        const data = vectors.map((vector, index) => ({
          object: 'embedding',
          index,
          embedding: base64 ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector),
        }));
        const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
        sendJson(response, 200, { object: 'list', data, model: name, usage });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }),
  };
}
