/** The answer as the request log keeps it: a whole one as it came, a stream put together to what the same unstreamed one would be. */
export function assembled(body: Buffer, streamed: boolean): string {
  const text = body.toString('utf8');
  if (!streamed || !/^(?:event|data|id|retry|:)/m.test(text)) return text;
  const choices = new Map<number, Choice>();
  const whole: Record<string, unknown> = {};
  for (const line of text.split(/\r?\n/)) {
    if (!line.startsWith('data:')) continue;
    const chunk = parsed(line.slice(5));
    if (chunk === null) continue;
    for (const key of ['id', 'model', 'created', 'system_fingerprint', 'error'] as const) {
      if (chunk[key] !== undefined) whole[key] = chunk[key];
    }
    if (chunk['usage'] !== undefined && chunk['usage'] !== null) whole['usage'] = chunk['usage'];
    if (Array.isArray(chunk['choices'])) for (const piece of chunk['choices'] as Piece[]) add(choices, piece);
  }
  return JSON.stringify({ ...whole, choices: [...choices.values()] });
}

interface ToolCall {
  index?: number;
  id?: string;
  type?: string;
  function?: { name?: string; arguments?: string };
}
interface Piece {
  index?: number;
  text?: string;
  delta?: { role?: string; content?: string | null; reasoning_content?: string | null; tool_calls?: ToolCall[] };
  finish_reason?: string | null;
}
interface Choice {
  index: number;
  text?: string;
  message?: { role: string; content: string | null; reasoning_content?: string; tool_calls?: ToolCall[] };
  finish_reason: string | null;
}

function add(choices: Map<number, Choice>, piece: Piece): void {
  const index = piece.index ?? 0;
  const choice = choices.get(index) ?? { index, finish_reason: null };
  choices.set(index, choice);
  if (typeof piece.finish_reason === 'string') choice.finish_reason = piece.finish_reason;
  if (typeof piece.text === 'string') choice.text = (choice.text ?? '') + piece.text;
  const { delta } = piece;
  if (typeof delta !== 'object' || delta === null) return;
  const message = (choice.message ??= { role: delta.role ?? 'assistant', content: null });
  if (typeof delta.content === 'string') message.content = (message.content ?? '') + delta.content;
  if (typeof delta.reasoning_content === 'string') {
    message.reasoning_content = (message.reasoning_content ?? '') + delta.reasoning_content;
  }
  if (Array.isArray(delta.tool_calls)) for (const call of delta.tool_calls) addCall((message.tool_calls ??= []), call);
}

/** The first piece of a call has its id and name, those after it more of its arguments. */
function addCall(calls: ToolCall[], piece: ToolCall): void {
  const index = piece.index ?? calls.length;
  const known = calls.find((call) => call.index === index);
  if (known === undefined) {
    calls.push({ ...piece, index, function: { ...piece.function } });
    return;
  }
  const { name, arguments: more } = piece.function ?? {};
  known.function = {
    ...known.function,
    ...(name === undefined ? {} : { name }),
    arguments: (known.function?.arguments ?? '') + (more ?? ''),
  };
}

function parsed(data: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
