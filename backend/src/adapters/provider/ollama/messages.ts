import { isObject, listAt, objectAt, refusal, textAt, type Json } from './json.ts';

/** Ollama's templates know four roles and drop messages of any other. */
const roles: Record<string, string> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
};

/** OpenAI's messages as Ollama takes them: one text and a list of images each, tool results with the name of their tool. */
export function messagesOf(messages: unknown): Json[] {
  const names = new Map<string, string>();
  const list = listAt(messages, 'messages');
  if (list.length === 0) throw refusal('messages', 'Give at least one message.');
  return list.map((entry, index) => messageOf(objectAt(entry, `messages.${index}`), `messages.${index}`, names));
}

/** `names`: by the id of each call so far, its tool. */
function messageOf(message: Json, path: string, names: Map<string, string>): Json {
  const given = message['role'];
  const role = typeof given === 'string' && Object.hasOwn(roles, given) ? roles[given] : undefined;
  if (role === undefined) throw refusal(`${path}.role`, `Must be one of ${Object.keys(roles).join(', ')}.`);
  const { text, images } = contentOf(message['content'] ?? message['refusal'], `${path}.content`);
  const result: Json = { role, content: text };
  if (images.length > 0) result['images'] = images;
  if (role === 'assistant') {
    const thinking = message['reasoning'] ?? message['reasoning_content'];
    if (typeof thinking === 'string' && thinking !== '') result['thinking'] = thinking;
    const calls = callsOf(message, path, names);
    if (calls.length > 0) result['tool_calls'] = calls;
  }
  if (role === 'tool') {
    const id = message['tool_call_id'];
    const name = message['name'] ?? (typeof id === 'string' ? names.get(id) : undefined);
    if (typeof name === 'string') result['tool_name'] = name;
    if (typeof id === 'string') result['tool_call_id'] = id;
  }
  return result;
}

function contentOf(content: unknown, path: string): { text: string; images: string[] } {
  if (content === undefined || content === null) return { text: '', images: [] };
  if (typeof content === 'string') return { text: content, images: [] };
  const texts: string[] = [];
  const images: string[] = [];
  for (const [index, entry] of listAt(content, path).entries()) {
    const at = `${path}.${index}`;
    const part = objectAt(entry, at);
    if (part['type'] === 'text') texts.push(textAt(part['text'], `${at}.text`));
    else if (part['type'] === 'refusal') texts.push(textAt(part['refusal'], `${at}.refusal`));
    else if (part['type'] === 'image_url') images.push(imageOf(part['image_url'], `${at}.image_url.url`));
    else throw refusal(`${at}.type`, 'Must be text or image_url; sound and files are not taken.');
  }
  return { text: texts.join('\n'), images };
}

/** The bytes of a `data:` URL, in Base64 as they came. */
function imageOf(image: unknown, path: string): string {
  const url = textAt(isObject(image) ? image['url'] : image, path);
  const head = /^data:(?:image\/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,/i.exec(url.slice(0, 200));
  if (head !== null) return url.slice(head[0].length);
  throw refusal(
    path,
    /^https?:/i.test(url)
      ? 'Ollama fetches no images: send the image itself, data:image/png;base64,….'
      : 'Must be a data: URL of an image in Base64, data:image/png;base64,….',
  );
}

function callsOf(message: Json, path: string, names: Map<string, string>): Json[] {
  const calls = listAt(message['tool_calls'], `${path}.tool_calls`).map((entry, index) => {
    const at = `${path}.tool_calls.${index}`;
    const { id, function: called } = objectAt(entry, at);
    const asked = functionOf(called, `${at}.function`, index);
    if (typeof id !== 'string') return { function: asked };
    names.set(id, asked['name'] as string);
    return { id, function: asked };
  });
  const legacy = message['function_call'];
  if (calls.length > 0 || legacy === undefined || legacy === null) return calls;
  return [{ function: functionOf(legacy, `${path}.function_call`, 0) }];
}

/** Arguments are JSON in a text at OpenAI, an object at Ollama. */
function functionOf(called: unknown, path: string, index: number): Json {
  const { name, arguments: given } = objectAt(called, path);
  const text = given === undefined || given === null ? '' : textAt(given, `${path}.arguments`);
  let args: unknown;
  try {
    args = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    args = null;
  }
  if (!isObject(args)) throw refusal(`${path}.arguments`, 'Must be a JSON object in a text.');
  return { index, name: textAt(name, `${path}.name`), arguments: args };
}
