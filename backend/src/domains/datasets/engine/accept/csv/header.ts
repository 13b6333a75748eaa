/** Does the first record name the columns, and are the names usable? */

const number = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$/;
const date = /^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?$/;
const year = /^(19|20)\d{2}$/;

/**
 * The first record is data, not a header, when it holds a number or a date in a column that has nothing else, and no text above a
 * column of numbers. Years may be names of columns. Text above text tells nothing: then it is a header.
 */
export function hasHeader(first: readonly string[], rest: readonly (readonly string[])[]): boolean {
  if (rest.length === 0) return true;
  let data = false;
  for (const [at, name] of first.entries()) {
    const values = rest.map((row) => row[at] ?? '').filter((value) => value !== '');
    if (values.length === 0) continue;
    for (const shape of [number, date]) {
      if (!values.every((value) => shape.test(value.trim()))) continue;
      if (!shape.test(name.trim())) {
        if (name.trim() !== '') return true;
      } else if (!year.test(name.trim())) data = true;
    }
  }
  return !data;
}
