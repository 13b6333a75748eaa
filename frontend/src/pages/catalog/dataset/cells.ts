import { type ReadJson, readJson } from '../../observability/partialJson.ts';

export type Message = Record<string, unknown>;
type Loose = Record<string, unknown>;
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A cell as text of one line or more; null where there is nothing. */
export function cellText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function read(value: unknown): ReadJson {
  const found = typeof value === 'string' && /^\s*[[{]/.test(value) ? readJson(value) : null;
  return found ?? { value, whole: true };
}

/** What a cell holds when its text is JSON that says more than the text; else the value itself. Cut off JSON is read as far as it goes. */
export const structureOf = (value: unknown): unknown => read(value).value;

// ShareGPT's words for the roles
const roles: Record<string, string> = { human: 'user', gpt: 'assistant', chatgpt: 'assistant', bing: 'assistant' };

/** The messages of a conversation, also of one in ShareGPT's form (`from`, `value`); null: the cell is none. */
export function conversationOf(value: unknown): Message[] | null {
  const { value: structure, whole } = read(value);
  if (!Array.isArray(structure) || structure.length === 0) return null;
  const messages = structure.map((one: unknown) => {
    if (!isObject(one)) return null;
    if (typeof one['role'] === 'string' && ('content' in one || 'tool_calls' in one)) return one;
    if (typeof one['from'] !== 'string' || !('value' in one)) return null;
    const { from, value: content, ...rest } = one;
    return { role: roles[from] ?? from, content, ...rest };
  });
  // where the text broke off, so did the last message
  if (!whole && messages.length > 1 && messages.at(-1) === null) messages.pop();
  return messages.every((message) => message !== null) ? messages : null;
}

/** The first words that a person wrote, for a line in a table. */
export function firstWords(messages: readonly Message[]): string {
  const asked = messages.find(({ role }) => role === 'user') ?? messages[0];
  return cellText(asked?.['content']) ?? '';
}
