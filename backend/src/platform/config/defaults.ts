import { options, type OptionName } from './schema.ts';

/** The default as one would write it in `.env`; null when there is none. */
export function defaultOf(name: OptionName): string | null {
  const parsed = options[name].schema.safeParse(undefined);
  if (!parsed.success || parsed.data === undefined) return null;
  if (Array.isArray(parsed.data)) return parsed.data.join(',');
  return typeof parsed.data === 'object' ? JSON.stringify(parsed.data) : String(parsed.data);
}
