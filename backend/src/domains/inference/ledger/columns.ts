/**
 * A column of rows as PostgreSQL writes an array (`{a,"b c",NULL}`): made in one pass, which drivers take a call for each element for. As bytes, to be
 * sent as `text`: so V8 has nothing to keep until the database has answered.
 */
export function arrayOf<T, K extends keyof T>(rows: readonly T[], field: K): Buffer {
  let text = '';
  for (const row of rows) text += `${text === '' ? '{' : ','}${elementOf(row[field])}`;
  return Buffer.from(text === '' ? '{}' : `${text}}`);
}

const plain = /^[\w.:-]+$/;

function elementOf(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // a bare NULL would be none
  return plain.test(text) && text.length !== 4 ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
