import { ChatRequest } from '@llm-ops/contracts';
import { failure, type Issue } from '#platform/errors';
import type { Matched } from './path.ts';

type Value = Readonly<Record<string, unknown>>;

const roles = new Set<unknown>(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** What the gateway itself insists on; everything else is the model's business. Throws `validation_failed` with every wrong field. */
export function checkBody(matched: Matched, body: Value): void {
  const issues = matched.face === 'envelope' ? envelopeIssues(body) : openAiIssues(matched.operation, body);
  if (issues !== null && issues.length > 0) throw failure('validation_failed', { issues });
}

function openAiIssues(operation: Matched['operation'], body: Value): Issue[] | null {
  const issues: Issue[] = [];
  if (typeof body['model'] !== 'string' || body['model'] === '')
    issues.push({ path: 'model', message: 'Name a route: GET /v1/models lists them.' });
  if (operation === 'chat') messageIssues(body['messages'], issues);
  if (operation === 'completion' && typeof body['prompt'] !== 'string' && !Array.isArray(body['prompt']))
    issues.push({ path: 'prompt', message: 'Give a prompt.' });
  const { input } = body;
  if (
    operation === 'embedding' &&
    (typeof input === 'string' ? input === '' : !Array.isArray(input) || input.length === 0)
  )
    issues.push({ path: 'input', message: 'Give a text, or a list of texts.' });
  if (body['stream'] !== undefined && typeof body['stream'] !== 'boolean' && body['stream'] !== null)
    issues.push({ path: 'stream', message: 'Must be true or false.' });
  for (const name of ['max_tokens', 'max_completion_tokens', 'n'] as const) {
    const value = body[name];
    if (
      value !== undefined &&
      value !== null &&
      !(Number.isInteger(value) && (value as number) >= (name === 'n' ? 1 : 0))
    )
      issues.push({ path: name, message: 'Must be a whole number.' });
  }
  return issues;
}

/** That they are messages at all; what is in them is the model's business. */
function messageIssues(messages: unknown, issues: Issue[]): void {
  if (!Array.isArray(messages) || messages.length === 0) {
    issues.push({ path: 'messages', message: 'Give at least one message.' });
    return;
  }
  for (let index = 0; index < messages.length && issues.length < 20; index += 1) {
    const message = messages[index] as Value | null;
    if (typeof message !== 'object' || message === null || typeof message['role'] !== 'string')
      issues.push({ path: `messages.${index}`, message: 'Must be an object with a role.' });
  }
}

/** What is plainly right is not asked of the schema, which costs more than the rest of the request. */
function envelopeIssues(body: Value): Issue[] | null {
  const issues: Issue[] = [];
  if (!plainChat(body)) {
    const parsed = ChatRequest.safeParse(body);
    for (const { path, message } of parsed.error?.issues ?? [])
      issues.push({ path: path.map(String).join('.') || 'body', message });
  }
  if (body['template'] !== undefined)
    issues.push({ path: 'template', message: 'There is no prompt template of this name.' });
  return issues;
}

function plainChat({ messages, temperature, max_tokens: most, stream, variables, user }: Value): boolean {
  if (!Array.isArray(messages) || messages.length === 0 || variables !== undefined) return false;
  for (const message of messages as (Value | null)[]) {
    if (typeof message !== 'object' || message === null) return false;
    if (!roles.has(message['role']) || typeof message['content'] !== 'string') return false;
  }
  return (
    (temperature === undefined || (typeof temperature === 'number' && temperature >= 0 && temperature <= 2)) &&
    (most === undefined || (Number.isInteger(most) && (most as number) >= 1 && (most as number) <= 4000)) &&
    (stream === undefined || typeof stream === 'boolean') &&
    (user === undefined || typeof user === 'string')
  );
}
