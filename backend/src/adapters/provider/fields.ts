/** A field of a card that is text and not empty. */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

export function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

/** The address of an engine that serves OpenAI's API below `/v1` and nowhere else: given with it or without. */
export function versioned(value: unknown): string | null {
  const place = text(value);
  return place === null ? null : `${trimmed(place).replace(/\/v1$/, '')}/v1`;
}

/** `{[list]: [{[field]: name}]}` → the names; anything else gives none. */
export function listed(body: unknown, list: string, field: string): string[] {
  const entries = (body as Record<string, unknown> | null)?.[list];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: Record<string, unknown> | null) => text(entry?.[field]) ?? []);
}
