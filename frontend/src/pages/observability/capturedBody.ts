import type { RequestDetail } from '@llm-ops/contracts';
import { readJson, shortened } from './partialJson.ts';

/** A piece of a message. An image's `src` is null unless it is in the message itself: nothing is fetched from elsewhere. */
export type Part =
  | { kind: 'text'; text: string }
  | { kind: 'image'; src: string | null; address: string }
  | { kind: 'other'; value: unknown };

export interface ToolCall {
  id: string | null;
  name: string;
  arguments: unknown;
  /** the arguments are no JSON, or broke off */
  broken: boolean;
}

/** One bubble of a conversation. */
export interface Turn {
  role: string;
  name: string | null;
  parts: Part[];
  reasoning: string | null;
  calls: ToolCall[];
  /** the call that this answers */
  answers: string | null;
  finish: string | null;
}

/** What was asked and answered, readable; whatever could not be understood is there as it came. */
export interface Captured {
  asked: Turn[];
  answered: Turn[];
  tools: { name: string; description: string | null; parameters: unknown }[];
  /** everything else in the request: model, temperature … */
  settings: Record<string, unknown>;
  error: { message: string; code: string | null } | null;
  vectors: { count: number; dimensions: number | null; first: number[] } | null;
  /** bodies that are no JSON */
  rawRequest: string | null;
  rawResponse: string | null;
  /** the end of one of them is missing */
  cut: boolean;
}

type Content = NonNullable<RequestDetail['content']>;
type Loose = Record<string, unknown>;
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOr = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Reads the bodies of a captured request, of any operation, also when they are cut off or not what was expected. */
export function readCaptured({ request, response, truncated }: Content): Captured {
  const asked = readJson(request);
  const answered = response === null ? null : readJson(response);
  const body = isObject(asked?.value) ? asked.value : {};
  const { messages, prompt, input, tools, functions, ...settings } = body;
  // the platform's own face puts the answer into its envelope
  const outer = isObject(answered?.value) ? answered.value : {};
  const answer = isObject(outer['data']) && outer['choices'] === undefined ? outer['data'] : outer;
  return {
    asked: [...listOf(messages).map(turnOf), ...textsOf(prompt), ...textsOf(input)],
    answered: listOf(answer['choices']).map(choiceOf),
    tools: [...listOf(tools), ...listOf(functions)].map(toolOf),
    settings: shortened(settings) as Record<string, unknown>,
    error: errorOf(outer),
    vectors: vectorsOf(answer['data']),
    rawRequest: isObject(asked?.value) ? null : request,
    rawResponse: response === null || response === '' || isObject(answered?.value) ? null : response,
    cut: truncated || asked?.whole === false || answered?.whole === false,
  };
}

/** One message of a chat, in the form of the OpenAI API. */
export function turnOf(message: unknown): Turn {
  if (!isObject(message)) return bare('unknown', [{ kind: 'other', value: shortened(message) }]);
  return {
    role: textOr(message['role']) ?? 'unknown',
    name: textOr(message['name']),
    parts: [...partsOf(message['content']), ...partsOf(message['refusal'])],
    reasoning: textOr(message['reasoning_content']) ?? textOr(message['reasoning']),
    calls: callsOf(message),
    answers: textOr(message['tool_call_id']),
    finish: null,
  };
}

const bare = (role: string, parts: Part[], finish: string | null = null): Turn => ({
  role,
  name: null,
  parts,
  reasoning: null,
  calls: [],
  answers: null,
  finish,
});

function choiceOf(choice: unknown): Turn {
  const given = isObject(choice) ? choice : {};
  const finish = textOr(given['finish_reason']);
  const message = given['message'] ?? given['delta'];
  if (isObject(message)) return { ...turnOf({ role: 'assistant', ...message }), finish };
  return bare('assistant', partsOf(given['text']), finish);
}

/** A prompt or the input of an embedding: a text, several, or token numbers. */
function textsOf(given: unknown): Turn[] {
  if (given === undefined || given === null) return [];
  const several = Array.isArray(given) && given.every((one) => typeof one === 'string' || Array.isArray(one));
  return (several ? (given as unknown[]) : [given]).map((one) =>
    bare('user', typeof one === 'string' ? partsOf(one) : [{ kind: 'other', value: shortened(one) }]),
  );
}

function partsOf(content: unknown): Part[] {
  if (content === undefined || content === null || content === '') return [];
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  return Array.isArray(content) ? content.map(partOf) : [{ kind: 'other', value: shortened(content) }];
}

/** Pictures that a browser draws and that cannot call anybody: no SVG. */
const ownImage = /^data:image\/(?:png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/=\s]*$/;

function partOf(part: unknown): Part {
  if (typeof part === 'string') return { kind: 'text', text: part };
  if (!isObject(part)) return { kind: 'other', value: part };
  const text = part['text'] ?? part['refusal'];
  if (typeof text === 'string') return { kind: 'text', text };
  const image = part['image_url'];
  const address = isObject(image) ? image['url'] : image;
  if (typeof address !== 'string') return { kind: 'other', value: shortened(part) };
  const inline = address.startsWith('data:');
  return {
    kind: 'image',
    src: ownImage.test(address) ? address : null,
    address: inline ? (address.split(/[;,]/, 1)[0] ?? 'data:') : address,
  };
}

function callsOf(message: Loose): ToolCall[] {
  const single = message['function_call'];
  return [...listOf(message['tool_calls']), ...(isObject(single) ? [{ function: single }] : [])].map((call) => {
    const given = isObject(call) ? call : {};
    const called = isObject(given['function'])
      ? given['function']
      : isObject(given['custom'])
        ? given['custom']
        : given;
    const text = called['arguments'] ?? called['input'];
    const read = typeof text === 'string' ? readJson(text === '' ? '{}' : text) : { value: text ?? {}, whole: true };
    return {
      id: textOr(given['id']),
      name: textOr(called['name']) ?? '?',
      arguments: read === null ? text : read.value,
      broken: read === null || !read.whole,
    };
  });
}

function toolOf(tool: unknown): Captured['tools'][number] {
  const given = isObject(tool) ? tool : {};
  const described = isObject(given['function']) ? given['function'] : given;
  return {
    name: textOr(described['name']) ?? textOr(given['type']) ?? '?',
    description: textOr(described['description']),
    parameters: described['parameters'] ?? null,
  };
}

function errorOf(answer: Loose): Captured['error'] {
  const error = answer['error'];
  if (isObject(error)) {
    const code = error['code'] ?? error['type'];
    return {
      message: textOr(error['message']) ?? '?',
      code: code === undefined || code === null ? null : String(code),
    };
  }
  if (typeof error === 'string') return { message: error, code: null };
  const data = answer['data'];
  if (answer['status'] !== 'fail') return null;
  return { message: textOr(answer['message']) ?? '?', code: isObject(data) ? textOr(data['code']) : null };
}

function vectorsOf(data: unknown): Captured['vectors'] {
  const vectors = listOf(data)
    .filter(isObject)
    .map((one) => one['embedding'])
    .filter((vector) => Array.isArray(vector) || typeof vector === 'string');
  const first = vectors[0];
  if (first === undefined) return null;
  // in base64 they are 32-bit numbers
  const dimensions = Array.isArray(first)
    ? first.length
    : Math.floor(((first as string).replace(/=+$/, '').length * 0.75) / 4);
  const numbers = Array.isArray(first) ? first.filter((one): one is number => typeof one === 'number') : [];
  return { count: vectors.length, dimensions, first: numbers.slice(0, 8) };
}
