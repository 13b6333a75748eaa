import { failure, isFailure, type Failure } from '#platform/errors';
import type { Dialect, Operation } from '#ports/provider';
import { isObject, type Json } from './json.ts';
import { createLineReader } from './lines.ts';
import { finishOf, headOf, legacyLogprobsOf, logprobsOf, toolCallsOf, usageOf, type Source } from './pieces.ts';

const MAX_LINE = 4 * 1024 * 1024;

/**
 * Ollama's stream, a JSON object a line, as OpenAI's events. However it is cut the events are the same: what came before an error is
 * given first, and the error thrown at the next call. A stream that ends early has no `[DONE]`.
 */
export function createStream(operation: Operation, source: Source): ReturnType<Dialect['stream']> {
  if (operation === 'embedding')
    throw failure('upstream_refused', { message: 'Embeddings are not streamed.', remedy: 'Leave "stream" out.' });
  const lines = createLineReader({ maxBytes: MAX_LINE });
  const translate = operation === 'chat' ? createChat(source) : createCompletion(source);
  let done = false;
  let broken: Failure | null = null;

  /** Pieces of one call; the first error ends the stream. */
  const collect = (work: () => Iterable<Buffer>): Buffer => {
    if (broken !== null) throw broken;
    let events = '';
    try {
      for (const line of work()) {
        if (done) break;
        const value = parse(line);
        if (value === null) continue;
        events += translate(value);
        done = value['done'] === true;
      }
    } catch (error) {
      broken = isFailure(error) ? error : nonsense(error instanceof Error ? error.message : String(error));
      if (events === '') throw broken;
    }
    return Buffer.from(events);
  };

  return {
    push: (chunk) => (done ? Buffer.alloc(0) : collect(() => lines.push(chunk))),
    end: () => collect(() => (done ? [] : [wholeOrNothing(lines.rest())])),
  };
}

/** A last line without its end may be cut off: then there is nothing of it, as if the stream had ended before. */
function wholeOrNothing(line: Buffer): Buffer {
  try {
    JSON.parse(line.toString('utf8'));
    return line;
  } catch {
    return Buffer.alloc(0);
  }
}

/** Null for an empty line. */
function parse(line: Buffer): Json | null {
  const text = line.toString('utf8').trim();
  if (text === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw nonsense(`a line is not JSON: ${text.slice(0, 100)}`);
  }
  if (!isObject(value)) throw nonsense(`a line is no object: ${text.slice(0, 100)}`);
  const { error } = value;
  const said = isObject(error) ? error['message'] : error;
  if (typeof said === 'string') throw failure('upstream_failed', { message: `Ollama says: ${said.slice(0, 500)}` });
  return value;
}

function createChat(source: Source): (value: Json) => string {
  let head: Json | null = null;
  let calls = 0;
  let produced = false;
  return (value) => {
    const message = isObject(value['message']) ? value['message'] : {};
    const chunk = (choices: unknown[], rest: Json = {}): string =>
      event({ ...head, object: 'chat.completion.chunk', choices, ...rest });
    const choice = (delta: Json, finish: string | null, logprobs: Json | null = null): Json => ({
      index: 0,
      delta,
      logprobs,
      finish_reason: finish,
    });
    let events = '';
    if (head === null) {
      head = headOf('chat', value, source);
      events += chunk([choice({ role: 'assistant', content: '' }, null)]);
    }
    const { content, thinking } = message;
    // clients join the pieces of a call by its index, so every call of the stream has its own
    const called = toolCallsOf(message, source).map((call) => ({ index: calls++, ...call }));
    const delta: Json = {
      ...(typeof thinking === 'string' && thinking !== '' && { reasoning: thinking }),
      ...(typeof content === 'string' && content !== '' && { content }),
      ...(called.length > 0 && { tool_calls: called }),
    };
    const logprobs = logprobsOf(value);
    if (Object.keys(delta).length > 0 || logprobs !== null) {
      produced = true;
      events += chunk([choice(delta, null, logprobs)]);
    }
    if (value['done'] !== true) return events;
    events += chunk([choice({}, finishOf(value, calls > 0))]);
    return events + ending(usageOf(value, produced), (usage) => chunk([], { usage }));
  };
}

function createCompletion(source: Source): (value: Json) => string {
  let head: Json | null = null;
  let offset = 0;
  return (value) => {
    head ??= headOf('completion', value, source);
    const chunk = (choices: unknown[], rest: Json = {}): string =>
      event({ ...head, object: 'text_completion', choices, ...rest });
    const text = typeof value['response'] === 'string' ? value['response'] : '';
    const logprobs = legacyLogprobsOf(value, offset);
    offset += text.length;
    let events = '';
    if (text !== '' || logprobs !== null) events += chunk([{ index: 0, text, logprobs, finish_reason: null }]);
    if (value['done'] !== true) return events;
    events += chunk([{ index: 0, text: '', logprobs: null, finish_reason: finishOf(value, false) }]);
    return events + ending(usageOf(value, offset > 0), (usage) => chunk([], { usage }));
  };
}

const ending = (usage: Json | null, chunk: (usage: Json) => string): string =>
  `${usage === null ? '' : chunk(usage)}data: [DONE]\n\n`;

const event = (value: Json): string => `data: ${JSON.stringify(value)}\n\n`;

const nonsense = (what: string): Failure =>
  failure('upstream_failed', { message: `Ollama's stream cannot be read: ${what}` });
