import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { readJson, sendJson, type Handler } from './http.ts';
import { ApiError, errorBody, tooLong } from './errors.ts';
import type { createGenerator, Step, Usage } from './generate.ts';
import { parseChat, parseCompletion, type GenerationRequest } from './requests.ts';
import { createChatTemplate } from './template.ts';

/** No vocabulary has longer tokens, in characters. */
const MAX_TOKEN_LENGTH = 256;

interface Deps {
  model: LlamaModel;
  contextLength: number;
  name: string;
  generator: ReturnType<typeof createGenerator>;
  log(line: string): void;
}

interface TokenizerMetadata {
  chat_template?: string;
  ggml?: { tokens?: readonly string[] };
}

/** What differs between the two kinds of answer. */
interface Shape {
  prefix: string;
  object: string;
  chunkObject: string;
  opening: Record<string, unknown> | null;
  choice(text: string): Record<string, unknown>;
  delta(text: string): Record<string, unknown>;
}

const chatShape: Shape = {
  prefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  opening: { delta: { role: 'assistant', content: '' } },
  choice: (text) => ({ message: { role: 'assistant', content: text, refusal: null } }),
  delta: (text) => ({ delta: text === '' ? {} : { content: text } }),
};

const completionShape: Shape = {
  prefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  opening: null,
  choice: (text) => ({ text }),
  delta: (text) => ({ text }),
};

/** `POST /v1/chat/completions` and `/v1/completions`, streamed and not. */
export function createCompletionRoutes({ model, contextLength, name, generator, log }: Deps) {
  const { bos, bosString, eosString, shouldPrependBosToken } = model.tokens;
  const metadata = model.fileInfo.metadata.tokenizer as TokenizerMetadata | undefined;
  const source = metadata?.chat_template;
  const vocabulary = metadata?.ggml?.tokens?.length ?? 0;
  const template = createChatTemplate({
    template: typeof source === 'string' ? source : null,
    bosToken: bosString,
    eosToken: eosString,
  });

  /** A text that cannot fit is refused before it is tokenized: that would stop every other request meanwhile. */
  const tokenize = (text: string): Token[] => {
    const most = contextLength * MAX_TOKEN_LENGTH;
    if (text.length > most) throw tooLong(contextLength, `${text.length} characters`);
    return model.tokenize(text, true);
  };

  const textPrompt = (prompt: string | number[]): Token[] => {
    const tokens = typeof prompt === 'string' ? tokenize(prompt) : (prompt as Token[]);
    // llama.cpp fails the whole batch for one unknown token, with everybody else's requests in it
    if (tokens.some((token) => token >= vocabulary)) {
      throw new ApiError(400, 'invalid_request', `prompt: this model has ${vocabulary} tokens`, 'prompt');
    }
    const begin = typeof prompt === 'string' && shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos] : [];
    if (tokens.length + begin.length === 0) throw new ApiError(400, 'invalid_request', 'prompt: it is empty', 'prompt');
    return [...begin, ...tokens];
  };

  async function answer(
    response: ServerResponse,
    shape: Shape,
    prompt: Token[],
    request: GenerationRequest,
  ): Promise<void> {
    const abort = new AbortController();
    response.once('close', () => abort.abort(new Error('the client went away')));
    const steps = generator.generate(prompt, request, abort.signal);
    const head = { id: `${shape.prefix}-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: name };
    try {
      if (request.stream) await stream(response, shape, head, steps, request.includeUsage, abort.signal);
      else await whole(response, shape, head, steps);
    } catch (error) {
      if (abort.signal.aborted) return;
      if (!(error instanceof ApiError)) log(`error: ${error instanceof Error ? error.stack : String(error)}`);
      if (!response.headersSent) throw error;
      response.end(`data: ${JSON.stringify(errorBody(error).body)}\n\n`);
    }
  }

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
      await answer(response, chatShape, tokenize(text), body);
    }),
    completions: counted(async (request, response) => {
      const body = parseCompletion(await readJson(request));
      await answer(response, completionShape, textPrompt(body.prompt), body);
    }),
  };
}

async function whole(
  response: ServerResponse,
  shape: Shape,
  head: Record<string, unknown>,
  steps: AsyncGenerator<Step>,
): Promise<void> {
  let text = '';
  let end: { finish: string; usage: Usage } | undefined;
  for await (const step of steps) {
    if ('text' in step) text += step.text;
    else end = step;
  }
  const choice = { index: 0, ...shape.choice(text), logprobs: null, finish_reason: end?.finish };
  sendJson(response, 200, { ...head, object: shape.object, choices: [choice], usage: end?.usage });
}

async function stream(
  response: ServerResponse,
  shape: Shape,
  head: Record<string, unknown>,
  steps: AsyncGenerator<Step>,
  includeUsage: boolean,
  signal: AbortSignal,
): Promise<void> {
  const rest = includeUsage ? { usage: null } : {};
  const chunk = (choice: Record<string, unknown>, finish: string | null): string =>
    event({
      ...head,
      object: shape.chunkObject,
      choices: [{ index: 0, ...choice, logprobs: null, finish_reason: finish }],
      ...rest,
    });
  // The headers wait for the first step, so that a refused request still gets its status.
  const open = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    if (shape.opening !== null) response.write(chunk(shape.opening, null));
  };
  for await (const step of steps) {
    open();
    if ('text' in step) {
      if (!response.write(chunk(shape.delta(step.text), null))) await drained(response, signal);
      continue;
    }
    response.write(chunk(shape.delta(''), step.finish));
    if (includeUsage) {
      response.write(event({ ...head, object: shape.chunkObject, choices: [], usage: step.usage }));
    }
  }
  response.end('data: [DONE]\n\n');
}

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** Waits for a slow reader, but not for one that left. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || !response.writableNeedDrain) return resolve();
    const done = (): void => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
