import { createHash } from 'node:crypto';
import type { Difference } from './spec.ts';

/**
 * Environment variables may hold what must not be shown: a difference in them names the variables and shows only short digests, enough
 * to see which are equal.
 */
export function withoutSecrets<T extends Difference>(difference: T): T {
  if (difference.path !== 'env') return difference;
  return { ...difference, before: digests(difference.before), after: digests(difference.after) };
}

function digests(env: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries((env ?? {}) as Record<string, string>).map(([name, value]) => [
      name,
      `sha256:${createHash('sha256').update(value).digest('hex').slice(0, 8)}`,
    ]),
  );
}
