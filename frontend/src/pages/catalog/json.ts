export type ParsedObject =
  | { ok: true; value: Record<string, unknown> }
  | { ok: false; reason: string; kind: 'syntax' | 'shape' };

/** An object written as JSON; empty text is an empty object. */
export function parseObject(text: string): ParsedObject {
  if (text.trim() === '') return { ok: true, value: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, kind: 'syntax', reason: error instanceof Error ? error.message : String(error) };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ok: false, kind: 'shape', reason: '' };
  return { ok: true, value: value as Record<string, unknown> };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Ids separated by commas or spaces; `wrong` holds what is none. */
export function parseIds(text: string): { ids: string[]; wrong: string[] } {
  const parts = [...new Set(text.split(/[\s,]+/).filter((part) => part !== ''))];
  return { ids: parts.filter((part) => uuid.test(part)), wrong: parts.filter((part) => !uuid.test(part)) };
}
