import type { Value } from '#platform/words';
import type { PreflightCheck } from '#ports/runtime';
import { fitWords } from './sentences.ts';

/** The first names of so many. */
export const firstOf = (names: readonly string[], count: number): Value =>
  count > names.length ? fitWords.line('names_more', { names, more: count - names.length }) : names;

export const green = (name: string, told: Pick<PreflightCheck, 'message' | 'said'>): PreflightCheck => ({
  name,
  level: 'green',
  remedy: null,
  ...told,
});
