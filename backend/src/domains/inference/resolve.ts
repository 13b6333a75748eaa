import type { Resolution, ResolvedRoute, ResolveOptions } from '#domains/serving';
import { failure, type Failure } from '#platform/errors';
import type { HandlerDeps } from './deps.ts';
import { words } from './sentences.ts';

/** The route of a name, from memory; one that is not known is looked for once more. Throws why it cannot be asked. */
export function resolveRoute(
  deps: Pick<HandlerDeps, 'table' | 'lookAgain'>,
  name: string,
  options: ResolveOptions,
): ResolvedRoute | Promise<ResolvedRoute> {
  const known = deps.table.resolve(name, options);
  if (known.kind === 'route') return known;
  if (known.kind !== 'unknown') throw unreachable(name, known);
  return deps.lookAgain().then((again) => {
    const found = again ? deps.table.resolve(name, options) : known;
    if (found.kind === 'route') return found;
    throw unreachable(name, found);
  });
}

export function unreachable(name: string, resolution: Exclude<Resolution, ResolvedRoute>): Failure {
  if (resolution.kind === 'disabled') return failure('registration_disabled', words.tell('disabled', { name }));
  if (resolution.kind === 'unknown') return failure('route_not_found', words.tell('no_route', { name }));
  return failure('endpoint_unavailable', {
    message: `"${name}" in ${resolution.environment} is ${resolution.status}: ${resolution.reason}`,
    headers: { 'retry-after': '5' },
  });
}
