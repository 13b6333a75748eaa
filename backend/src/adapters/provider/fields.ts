/** A field of a card that is text and not empty. */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

export function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

/** `{[list]: [{[field]: name}]}` → the names; anything else gives none. */
export function listed(body: unknown, list: string, field: string): string[] {
  const entries = (body as Record<string, unknown> | null)?.[list];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: Record<string, unknown> | null) => text(entry?.[field]) ?? []);
}
