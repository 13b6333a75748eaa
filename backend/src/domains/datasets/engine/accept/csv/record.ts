/** How fields of a CSV are told apart. */
export interface Dialect {
  delimiter: string;
  /** null: nothing is quoted */
  quote: string | null;
  /** what stands before a quote within a quoted field: the quote itself, or a backslash */
  escape: string | null;
}

export interface CsvRecord {
  fields: string[];
  /** of each field */
  quoted: boolean[];
  /** offset behind the record and its line break; -1: a quote is never closed */
  next: number;
  lines: number;
  /** something stands between a closing quote and the end of its field */
  stray: boolean;
}

const LF = 10;
const CR = 13;

/**
 * Reads one record, to its end or to the end of the text. A quote counts where a field begins and nowhere else; CR, LF and CR LF end a
 * record. It is what the fast scanner does, in plain words, and gives the fields too.
 */
export function readRecord(bytes: Uint8Array, from: number, end: number, dialect: Dialect): CsvRecord {
  const delimiter = dialect.delimiter.charCodeAt(0);
  const quote = dialect.quote?.charCodeAt(0) ?? -1;
  const escape = dialect.escape?.charCodeAt(0) ?? -1;
  const fields: string[] = [];
  const quoted: boolean[] = [];
  let lines = 1;
  let stray = false;
  let at = from;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (;;) {
    let field = '';
    const isQuoted = at < end && bytes[at] === quote;
    if (isQuoted) {
      const begun = at + 1;
      let escapes = false;
      for (at = begun; ; at++) {
        if (at >= end) return { fields, quoted, next: -1, lines, stray };
        const byte = bytes[at]!;
        if (byte === LF || (byte === CR && (at + 1 >= end || bytes[at + 1] !== LF))) lines += 1;
        const next = at + 1 < end ? bytes[at + 1] : undefined;
        if (byte === escape && (next === quote || (escape !== quote && next === escape))) {
          escapes = true;
          at += 1;
        } else if (byte === quote) break;
      }
      field = buffer.toString('utf8', begun, at);
      if (escapes) field = unescaped(field, dialect);
      at += 1;
    }
    const begun = at;
    while (at < end && bytes[at] !== delimiter && bytes[at] !== LF && bytes[at] !== CR) at += 1;
    if (isQuoted && at > begun) stray = true;
    if (at > begun) field += buffer.toString('utf8', begun, at);
    fields.push(field);
    quoted.push(isQuoted);
    if (at < end && bytes[at] === delimiter) {
      at += 1;
      continue;
    }
    if (at < end) at += bytes[at] === CR && at + 1 < end && bytes[at + 1] === LF ? 2 : 1;
    return { fields, quoted, next: at, lines, stray };
  }
}

function unescaped(field: string, { quote, escape }: Dialect): string {
  return escape === '\\' ? field.replace(/\\(["'\\])/g, '$1') : field.replaceAll(`${quote}${quote}`, quote!);
}

/** A record as RFC 4180 has it, without a line break; an empty field that was quoted stays so, for it is not a missing one. */
export function writeRecord({ fields, quoted }: Pick<CsvRecord, 'fields' | 'quoted'>, delimiter = ','): string {
  return fields
    .map((field, at) =>
      /["\r\n]/.test(field) || field.includes(delimiter) || (field === '' && quoted[at])
        ? `"${field.replaceAll('"', '""')}"`
        : field,
    )
    .join(delimiter);
}
