/** The first records of a CSV as they stand; a line break within quotes does not end one. */
export function recordsOf(text: string, most: number): string[] {
  const records: string[] = [];
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length && records.length < most; at++) {
    const char = text[at];
    if (char === '"') quoted = !quoted;
    else if (!quoted && (char === '\n' || char === '\r')) {
      records.push(text.slice(start, at));
      if (char === '\r' && text[at + 1] === '\n') at++;
      start = at + 1;
    }
  }
  if (records.length < most && start < text.length) records.push(text.slice(start));
  return records;
}

/** The fields of a record, without their quotes. */
export function fieldsOf(record: string, delimiter: string): string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let at = 0; at < record.length; at++) {
    const char = record[at]!;
    if (char === '"') {
      if (quoted && record[at + 1] === '"') field += record[++at];
      else quoted = !quoted;
    } else if (char === delimiter && !quoted) {
      fields.push(field);
      field = '';
    } else field += char;
  }
  return [...fields, field];
}

/** What separates the fields of a header most: a comma unless something else is there more often. */
export function sniffDelimiter(record: string): string {
  const counts = [',', ';', '\t', '|'].map((delimiter) => ({ delimiter, count: fieldsOf(record, delimiter).length }));
  return counts.reduce((best, one) => (one.count > best.count ? one : best)).delimiter;
}
