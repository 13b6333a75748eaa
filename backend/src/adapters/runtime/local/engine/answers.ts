import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { ApiError, errorBody } from './errors.ts';
import type { Step, Usage } from './generate.ts';
import { sendJson } from './http.ts';
import type { GenerationRequest } from './requests.ts';

/** What differs between the two kinds of answer. */
export interface Shape {
  prefix: string;
  object: string;
  chunkObject: string;
  opening: Record<string, unknown> | null;
  choice(text: string): Record<string, unknown>;
  delta(text: string): Record<string, unknown>;
}

export const chatShape: Shape = {
  prefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  opening: { delta: { role: 'assistant', content: '' } },
  choice: (text) => ({ message: { role: 'assistant', content: text, refusal: null } }),
  delta: (text) => ({ delta: text === '' ? {} : { content: text } }),
};

export const completionShape: Shape = {
  prefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  opening: null,
  choice: (text) => ({ text }),
  delta: (text) => ({ text }),
};

interface Answer {
  response: ServerResponse;
  shape: Shape;
  /** what every piece of it says */
  head: Record<string, unknown>;
  steps: AsyncGenerator<Step>;
  promptTokens: number;
  request: GenerationRequest;
  signal: AbortSignal;
}

interface Asked extends Omit<Answer, 'head' | 'steps' | 'signal'> {
  /** what the model is called in replies */
  name: string;
  generate(signal: AbortSignal): AsyncGenerator<Step>;
  log(line: string): void;
}

/** Answers in one piece or in many; ends the work when the client leaves. Throws what can still be answered with a status. */
export async function answer({ name, generate, log, ...asked }: Asked): Promise<void> {
  const { response, shape, request } = asked;
  const signal = goneSignal(response);
  const head = { id: `${shape.prefix}-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: name };
  try {
    await (request.stream ? stream : whole)({ ...asked, head, steps: generate(signal), signal });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ApiError)) log(`error: ${error instanceof Error ? error.stack : String(error)}`);
    if (!response.headersSent) throw error;
    response.end(event(errorBody(error).body));
  }
}

/** Aborted when the client leaves, or has its answer. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const abort = new AbortController();
  const leave = (): void => abort.abort(new Error('the client went away'));
  if (response.closed) leave();
  else response.once('close', leave);
  return abort.signal;
}

async function whole({ response, shape, head, steps }: Answer): Promise<void> {
  let text = '';
  let end: { finish: string; usage: Usage } | undefined;
  for await (const step of steps) {
    if ('text' in step) text += step.text;
    else end = step;
  }
  const choice = { index: 0, ...shape.choice(text), logprobs: null, finish_reason: end?.finish };
  sendJson(response, 200, { ...head, object: shape.object, choices: [choice], usage: end?.usage });
}

async function stream({ response, shape, head, steps, promptTokens, request, signal }: Answer): Promise<void> {
  const { includeUsage, continuousUsage } = request;
  const chunk = (choice: Record<string, unknown>, finish: string | null, soFar: Usage): string =>
    event({
      ...head,
      object: shape.chunkObject,
      choices: [{ index: 0, ...choice, logprobs: null, finish_reason: finish }],
      ...(continuousUsage ? { usage: soFar } : includeUsage && { usage: null }),
    });
  const usageOf = (generated: number): Usage => ({
    prompt_tokens: promptTokens,
    completion_tokens: generated,
    total_tokens: promptTokens + generated,
  });
  // The headers wait for the first step, so that a refused request still gets its status.
  const open = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    if (shape.opening !== null) response.write(chunk(shape.opening, null, usageOf(0)));
  };
  for await (const step of steps) {
    open();
    if ('text' in step) {
      const piece = chunk(shape.delta(step.text), null, usageOf(step.generated));
      if (!response.write(piece)) await drained(response, signal);
      continue;
    }
    response.write(chunk(shape.delta(''), step.finish, step.usage));
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
