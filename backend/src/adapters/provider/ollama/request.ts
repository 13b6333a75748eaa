import type { Operation } from '#ports/provider';
import { isObject, refusal, type Json } from './json.ts';
import { messagesOf } from './messages.ts';
import { formatOf, optionsOf, thinkOf, wholeAt } from './options.ts';
import { toolsOf } from './tools.ts';

/** OpenAI's own limit. */
const MAX_INPUTS = 2048;

/** Ollama's body for OpenAI's. Throws `upstream_refused`. */
export function requestOf(operation: Operation, body: Readonly<Json>): Json {
  if (operation === 'embedding') return embeddingOf(body);
  refuseUnable(body);
  const common = {
    model: body['model'],
    // it streams unless told otherwise
    stream: body['stream'] === true,
    // else it forgets the beginning of a conversation that does not fit, and says nothing
    truncate: false,
    options: optionsOf(body),
    ...defined({ think: thinkOf(body), format: formatOf(body['response_format']) }),
  };
  return operation === 'chat' ? chatOf(body, common) : completionOf(body, common);
}

function chatOf(body: Json, common: Json): Json {
  const tools = toolsOf(body);
  const request: Json = { ...common, messages: messagesOf(body['messages']) };
  if (tools.length > 0) request['tools'] = tools;
  if (body['logprobs'] === true) Object.assign(request, logprobs(wholeAt(body, 'top_logprobs', 0) ?? 0));
  return request;
}

function completionOf(body: Json, common: Json): Json {
  const top = wholeAt(body, 'logprobs', 0);
  return {
    // a completion has no place for thoughts, and models that can think do so unless told otherwise
    think: false,
    ...common,
    prompt: promptOf(body['prompt']),
    ...(typeof body['suffix'] === 'string' && body['suffix'] !== '' && { suffix: body['suffix'] }),
    ...(top !== undefined && logprobs(top)),
  };
}

function embeddingOf(body: Json): Json {
  const dimensions = wholeAt(body, 'dimensions', 1);
  const format = body['encoding_format'] ?? 'float';
  if (format !== 'float' && format !== 'base64') throw refusal('encoding_format', 'Must be float or base64.');
  const list = typeof body['input'] === 'string' ? [body['input']] : body['input'];
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string'))
    throw refusal('input', 'Must be a text or a list of texts: Ollama takes no tokens.');
  if (list.length === 0 || list.length > MAX_INPUTS) throw refusal('input', `Give 1 to ${MAX_INPUTS} texts.`);
  const empty = list.indexOf('');
  if (empty !== -1) throw refusal('input', `Text ${empty} is empty.`);
  return { model: body['model'], input: list, truncate: false, ...defined({ dimensions }) };
}

/** Fields that change what is answered, and that Ollama would ignore. */
function refuseUnable(body: Json): void {
  for (const field of ['n', 'best_of']) {
    if (![undefined, null, 1].includes(body[field] as number)) throw refusal(field, 'Must be 1: one answer a request.');
  }
  const bias = body['logit_bias'];
  if (isObject(bias) && Object.keys(bias).length > 0) throw refusal('logit_bias', 'Leave it out.');
  if (Array.isArray(body['functions']) && body['functions'].length > 0)
    throw refusal('functions', 'Send them as tools.');
  if (body['echo'] === true) throw refusal('echo', 'Leave it out.');
  if (isObject(body['web_search_options'])) throw refusal('web_search_options', 'Leave it out.');
  const modalities = body['modalities'];
  if (Array.isArray(modalities) && modalities.some((entry) => entry !== 'text'))
    throw refusal('modalities', 'Must be text alone.');
}

function promptOf(prompt: unknown): string {
  const single = Array.isArray(prompt) && prompt.length === 1 ? (prompt[0] as unknown) : prompt;
  if (typeof single !== 'string')
    throw refusal('prompt', 'Must be one text: Ollama takes no tokens, and one prompt a request.');
  // an empty prompt only loads the model
  if (single === '') throw refusal('prompt', 'It is empty.');
  return single;
}

const logprobs = (top: number): Json => ({ logprobs: true, top_logprobs: top });

const defined = (fields: Json): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
