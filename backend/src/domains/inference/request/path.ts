import { environments } from '@llm-ops/contracts';
import type { Environment, Identity } from '#platform/access';
import { failure } from '#platform/errors';
import type { RequestHead } from '#platform/http';
import { words } from '../sentences.ts';

/** Which inference route a path is; `name` is the route's name where the path holds it. */
export interface Matched {
  face: 'envelope' | 'openai';
  operation: 'models' | 'model' | 'chat' | 'completion' | 'embedding' | 'health' | 'unknown';
  name: string | null;
  method: 'GET' | 'POST' | null;
}

const fixed = new Map<string, Matched>([
  ['/v1/models', { face: 'openai', operation: 'models', name: null, method: 'GET' }],
  ['/v1/chat/completions', { face: 'openai', operation: 'chat', name: null, method: 'POST' }],
  ['/v1/completions', { face: 'openai', operation: 'completion', name: null, method: 'POST' }],
  ['/v1/embeddings', { face: 'openai', operation: 'embedding', name: null, method: 'POST' }],
]);
const servePrefix = '/llm-ops/v1/serve/';

export function isInferencePath(path: string): boolean {
  return (
    path.startsWith(servePrefix) || path === '/v1' || (path.startsWith('/v1/') && !path.startsWith('/v1/organization/'))
  );
}

/** Pure. Throws `validation_failed` for a path that is not valid percent-encoding. */
export function matchPath(path: string): Matched {
  const exact = fixed.get(path) ?? fixed.get(path.replace(/\/$/, ''));
  if (exact !== undefined) return exact;
  if (path.startsWith('/v1/models/'))
    return { face: 'openai', operation: 'model', name: decode(path.slice('/v1/models/'.length)), method: 'GET' };
  if (!path.startsWith(servePrefix)) return { face: 'openai', operation: 'unknown', name: null, method: null };
  const rest = path.slice(servePrefix.length).replace(/\/$/, '');
  const slash = rest.lastIndexOf('/');
  const last = rest.slice(slash + 1);
  if (slash < 1 || (last !== 'chat' && last !== 'health'))
    return { face: 'envelope', operation: 'unknown', name: null, method: null };
  return {
    face: 'envelope',
    operation: last,
    name: decode(rest.slice(0, slash)),
    method: last === 'chat' ? 'POST' : 'GET',
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

/** Environments that a request is pinned to: by header, by its key; null: any. Throws `validation_failed`, `environment_not_allowed`. */
export function pinnedEnvironments(request: RequestHead, identity: Identity): readonly Environment[] | null {
  const header = request.headers['x-llmops-environment'];
  if (header === undefined || header === '') return identity.environments;
  const wanted = environments.find((environment) => environment === header);
  if (wanted === undefined)
    throw failure('validation_failed', {
      issues: [{ path: 'x-llmops-environment', message: `Use one of ${environments.join(', ')}.` }],
    });
  if (identity.environments !== null && !identity.environments.includes(wanted)) {
    throw failure('environment_not_allowed', {
      ...words.tell('environment_not_allowed', { environment: wanted }),
    });
  }
  return [wanted];
}
