import type { IncomingMessage } from 'node:http';
import { ChatRequest, environments } from '@llm-ops/contracts';
import type { Environment, Identity } from '#platform/access';
import { failure, type Issue } from '#platform/errors';

const operations = {
  '/v1/models': { face: 'openai', operation: 'models', methods: ['GET'] },
  '/v1/chat/completions': { face: 'openai', operation: 'chat', methods: ['POST'] },
  '/v1/completions': { face: 'openai', operation: 'completion', methods: ['POST'] },
} as const;

/** Which inference route a path is; `name` is the route's name where the path holds it. */
export interface Matched {
  face: 'envelope' | 'openai';
  operation: 'models' | 'model' | 'chat' | 'completion' | 'health' | 'unknown';
  name: string | null;
  methods: readonly string[];
}

const servePrefix = '/llm-ops/v1/serve/';

export function isInferencePath(path: string): boolean {
  return (
    path.startsWith(servePrefix) || path === '/v1' || (path.startsWith('/v1/') && !path.startsWith('/v1/organization/'))
  );
}

/** Pure. Throws `validation_failed` for a path that is not valid percent-encoding. */
export function matchPath(path: string): Matched {
  const exact = operations[path.replace(/\/$/, '') as keyof typeof operations];
  if (exact !== undefined) return { ...exact, name: null };
  if (path.startsWith('/v1/models/'))
    return { face: 'openai', operation: 'model', name: decode(path.slice('/v1/models/'.length)), methods: ['GET'] };
  if (!path.startsWith(servePrefix)) return { face: 'openai', operation: 'unknown', name: null, methods: [] };
  const rest = path.slice(servePrefix.length).replace(/\/$/, '');
  const slash = rest.lastIndexOf('/');
  const last = rest.slice(slash + 1);
  if (slash < 1 || (last !== 'chat' && last !== 'health'))
    return { face: 'envelope', operation: 'unknown', name: null, methods: [] };
  return {
    face: 'envelope',
    operation: last,
    name: decode(rest.slice(0, slash)),
    methods: [last === 'chat' ? 'POST' : 'GET'],
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw failure('validation_failed', {
      issues: [{ path: 'route', message: 'Encode it as UTF-8 percent-encoding.' }],
    });
  }
}

/** Reads a JSON body; throws `payload_too_large`, `media_type_unsupported` or `body_malformed`. */
export async function readBody(
  request: IncomingMessage,
  limit: number,
): Promise<{ text: string; value: Record<string, unknown> }> {
  const type = request.headers['content-type'] ?? 'application/json';
  if (!/^application\/json\s*(;|$)/i.test(type)) throw failure('media_type_unsupported');
  if (Number(request.headers['content-length'] ?? 0) > limit) throw failure('payload_too_large');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw failure('payload_too_large');
    chunks.push(chunk);
  }
  const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw failure('body_malformed', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw failure('body_malformed', { message: 'The body must be a JSON object.' });
  return { text, value: value as Record<string, unknown> };
}

/** What the gateway itself insists on; everything else is the model's business. Throws `validation_failed` with every wrong field. */
export function checkBody(matched: Matched, body: Record<string, unknown>): void {
  const issues: Issue[] = [];
  if (matched.face === 'envelope') {
    const parsed = ChatRequest.safeParse(body);
    if (!parsed.success)
      issues.push(
        ...parsed.error.issues.map((issue) => ({
          path: issue.path.map(String).join('.') || 'body',
          message: issue.message,
        })),
      );
    if (body['template'] !== undefined)
      issues.push({ path: 'template', message: 'There is no prompt template of this name.' });
  } else {
    if (typeof body['model'] !== 'string' || body['model'] === '')
      issues.push({ path: 'model', message: 'Name a route: GET /v1/models lists them.' });
    if (matched.operation === 'chat' && !(Array.isArray(body['messages']) && body['messages'].length > 0))
      issues.push({ path: 'messages', message: 'Give at least one message.' });
    if (matched.operation === 'completion' && typeof body['prompt'] !== 'string' && !Array.isArray(body['prompt']))
      issues.push({ path: 'prompt', message: 'Give a prompt.' });
    if (body['stream'] !== undefined && typeof body['stream'] !== 'boolean' && body['stream'] !== null)
      issues.push({ path: 'stream', message: 'Must be true or false.' });
  }
  if (issues.length > 0) throw failure('validation_failed', { issues });
}

/** Environments that a request is pinned to: by header, by its key; null: any. Throws `validation_failed`, `environment_not_allowed`. */
export function pinnedEnvironments(request: IncomingMessage, identity: Identity): readonly Environment[] | null {
  const header = request.headers['x-llmops-environment'];
  if (header === undefined || header === '') return identity.environments;
  const wanted = environments.find((environment) => environment === header);
  if (wanted === undefined)
    throw failure('validation_failed', {
      issues: [{ path: 'x-llmops-environment', message: `Use one of ${environments.join(', ')}.` }],
    });
  if (identity.environments !== null && !identity.environments.includes(wanted)) {
    throw failure('environment_not_allowed', {
      message: `This API key may not reach ${wanted}.`,
      remedy: `Use a key made for ${wanted}.`,
    });
  }
  return [wanted];
}
