import { failure, fieldWords } from '#platform/errors';

/** Keyset position of a list sorted by time and id, newest first; opaque to clients. */
export interface Cursor {
  at: string;
  id: string;
}

export function encodeCursor(at: Date, id: string): string {
  return Buffer.from(JSON.stringify([at.toISOString(), id])).toString('base64url');
}

/** Throws `validation_failed` when it is not one of ours. */
export function decodeCursor(text: string | undefined): Cursor | null {
  if (text === undefined) return null;
  try {
    const [at, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
    if (
      typeof at === 'string' &&
      typeof id === 'string' &&
      !Number.isNaN(Date.parse(at)) &&
      /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(id)
    )
      return { at, id };
  } catch {
    // falls through to the refusal below
  }
  throw failure('validation_failed', {
    issues: [{ path: 'cursor', ...fieldWords.tell('cursor') }],
  });
}

/** Cuts one row more than asked for into a page. */
export function pageOf<T>(
  rows: T[],
  limit: number,
  position: (row: T) => { at: Date; id: string },
): { rows: T[]; next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  if (rows.length <= limit || last === undefined) return { rows: page, next: null };
  const { at, id } = position(last);
  return { rows: page, next: encodeCursor(at, id) };
}
