/** A column of rows as PostgreSQL writes an array (`{a,"b c",NULL}`): made in one pass, which drivers take a call for each element for. */
export function arrayOf<T, K extends keyof T>(rows: readonly T[], field: K): string {
  let text = '';
  for (const row of rows) text += `${text === '' ? '{' : ','}${elementOf(row[field])}`;
  return text === '' ? '{}' : `${text}}`;
}

const plain = /^[\w.:-]+$/;

function elementOf(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // a bare NULL would be none
  return plain.test(text) && text.length !== 4 ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
