import { exampleWords } from '../findings/sentences.ts';
import type { Report } from './faults.ts';

type Role = 'system' | 'user' | 'assistant' | 'tool';

const roles: Record<string, Role> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
};
/** Of conversations as ShareGPT writes them: `{"from": "human", "value": "…"}`. */
const speakers: Record<string, Role> = {
  ...roles,
  human: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  function_call: 'assistant',
  function_response: 'tool',
  observation: 'tool',
};

const say = exampleWords.line.bind(exampleWords);

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined: it has none; null: nobody knows it. */
function roleOf(message: Fields): Role | null | undefined {
  const said = message.role ?? message.from;
  if (typeof said !== 'string' || said === '') return undefined;
  const known = message.role === undefined ? speakers : roles;
  return (Object.hasOwn(known, said) ? known[said] : undefined) ?? null;
}

const contentOf = (message: Fields): unknown => (message.content === undefined ? message.value : message.content);

/** Calls for each text of the messages; the role is that of its message, `null` where it is unknown. */
export function eachText(messages: unknown, visit: (text: string, role: Role | null) => void): void {
  if (!Array.isArray(messages)) return;
  for (const message of messages) {
    if (!isFields(message)) continue;
    const role = roleOf(message) ?? null;
    const content = contentOf(message);
    if (typeof content === 'string') visit(content, role);
    else if (Array.isArray(content))
      for (const part of content) if (isFields(part) && typeof part.text === 'string') visit(part.text, role);
    if (!Array.isArray(message.tool_calls)) continue;
    for (const call of message.tool_calls as unknown[]) {
      const called = isFields(call) && isFields(call.function) ? call.function : null;
      if (typeof called?.arguments === 'string') visit(called.arguments, role);
    }
  }
}

/** What the user asks first: two conversations with the same are about the same. */
export function firstPrompt(messages: unknown): string | null {
  let prompt: string | null = null;
  eachText(messages, (text, role) => {
    if (prompt === null && role === 'user') prompt = text;
  });
  return prompt;
}

/** Checks a conversation. Each fault is reported once, with the first turn that has it (from 1). */
export function lintMessages(messages: unknown, report: Report): void {
  if (!Array.isArray(messages) || !messages.every(isFields)) return report('chat_messages_invalid');
  if (messages.length === 0) return report('chat_no_messages');
  const once = onceEach(report);
  let previous: Role | null = null;
  let spoken: 'user' | 'assistant' | null = null;
  let calls = 0;
  let assistants = 0;
  messages.forEach((message, index) => {
    const turn = index + 1;
    const role = roleOf(message);
    if (role === undefined) once('chat_role_missing', () => say('role_missing', { turn }));
    else if (role === null) once('chat_unknown_role', () => say('role_unknown', { turn }));
    const asked = callsOf(message, role);
    lintContent(contentOf(message), { role: role ?? null, turn, asked, report: once });
    if (role === 'tool') {
      if (calls === 0 && previous !== 'tool') once('chat_tool_unasked', () => say('tool_unasked', { turn }));
      calls = Math.max(0, calls - 1);
    } else if (calls > 0) {
      const open = calls;
      once('chat_tool_unanswered', () => say('tool_unanswered', { turn, calls: open }));
      calls = 0;
    }
    if (role === 'system' && index > 0 && previous !== 'system')
      once('chat_system_not_first', () => say('system_late', { turn }));
    if (role === 'user' || role === 'assistant') {
      if (spoken === null && role === 'assistant') once('chat_first_not_user', () => say('assistant_first'));
      // After the answers of tools the assistant speaks again.
      const again = role === 'assistant' ? previous !== 'tool' : true;
      if (spoken === role && again) once('chat_alternation', () => say(`${role}_again`, { turn }));
      spoken = role;
      if (role === 'assistant') assistants++;
    }
    calls += asked;
    previous = role ?? null;
  });
  if (assistants === 0) once('chat_no_assistant');
  else if (previous !== 'assistant') once('chat_last_not_assistant');
}

function callsOf(message: Fields, role: Role | null | undefined): number {
  if (role !== 'assistant') return 0;
  if (Array.isArray(message.tool_calls)) return message.tool_calls.length;
  return isFields(message.function_call) || message.from === 'function_call' ? 1 : 0;
}

function lintContent(
  content: unknown,
  about: { role: Role | null; turn: number; asked: number; report: Report },
): void {
  const { role, turn, asked, report } = about;
  if (content === null || content === undefined) {
    if (asked === 0) report('chat_content_missing', () => say('content_missing', { turn }));
    return;
  }
  if (typeof content !== 'string' && !Array.isArray(content))
    return report('chat_messages_invalid', () => say('content_invalid', { turn }));
  const blank = typeof content === 'string' ? content.trim() === '' : content.length === 0;
  if (!blank || asked > 0) return;
  if (role === 'assistant') report('chat_reply_empty', () => say('reply_blank', { turn }));
  else if (role !== 'tool') report('chat_empty_turn', () => say('turn_blank', { turn }));
}

function onceEach(report: Report): Report {
  let said: Set<string> | null = null;
  return (fault, say) => {
    if (said?.has(fault)) return;
    (said ??= new Set()).add(fault);
    report(fault, say);
  };
}
