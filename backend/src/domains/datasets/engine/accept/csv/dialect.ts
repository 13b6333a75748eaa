import { readRecord, type CsvRecord, type Dialect } from './record.ts';

const delimiters = [',', ';', '\t', '|'];
const MOST = 200;

/**
 * Finds the dialect by trying: the delimiter that gives the same number of fields, of more than one, in most records. `complete`: the
 * sample is the whole file, so its last record counts too.
 */
export function findDialect(sample: Uint8Array, complete: boolean): Dialect {
  const candidates = delimiters.flatMap((delimiter) =>
    quotings(sample, delimiter).map((quoting) => {
      const dialect = { delimiter, ...quoting };
      return { dialect, score: score(sample, complete, dialect) };
    }),
  );
  return candidates.reduce((best, next) => (next.score > best.score ? next : best)).dialect;
}

/** Double quotes are tried always; others only where the sample has them. No quotes at all are usual with tabs alone. */
function quotings(sample: Uint8Array, delimiter: string): Pick<Dialect, 'quote' | 'escape'>[] {
  const found: Pick<Dialect, 'quote' | 'escape'>[] = [{ quote: '"', escape: '"' }];
  const bytes = Buffer.from(sample.buffer, sample.byteOffset, sample.byteLength);
  if (bytes.includes('\\"')) found.push({ quote: '"', escape: '\\' });
  if (bytes.includes("'") && !bytes.includes('"')) found.push({ quote: "'", escape: "'" });
  if (delimiter === '\t' && bytes.includes('"')) found.push({ quote: null, escape: null });
  return found;
}

function score(sample: Uint8Array, complete: boolean, dialect: Dialect): number {
  const { records, open } = readSample(sample, complete, dialect);
  if (records.length === 0) return 0;
  const counts = new Map<number, number>();
  let strays = open ? 0.5 : 0;
  let quoted = 0;
  for (const record of records) {
    counts.set(record.fields.length, (counts.get(record.fields.length) ?? 0) + 1);
    if (record.stray || openQuote(record, dialect)) strays += 1;
    if (record.quoted.includes(true)) quoted += 1;
  }
  // A title may stand above the table, or the header alone may be whole.
  const [most] = [...counts].toSorted((one, other) => other[1] - one[1]);
  return Math.max(
    ...[most![0], records[0]!.fields.length].map((width) => {
      const agreement = (counts.get(width)! - strays) / records.length;
      // Quotes that are used beat quotes that are text.
      return agreement * (worth(width, records[0]!) + Math.min(width, 100) * 1e-4) + (quoted > 0 ? 1e-6 : 0);
    }),
  );
}

/** One column fits everything: any delimiter that agrees somewhat beats it, the more so when it stands in the only name. */
function worth(width: number, first: CsvRecord): number {
  if (width > 1) return 1;
  return first.fields.length === 1 && delimiters.some((delimiter) => first.fields[0]!.includes(delimiter))
    ? 0.001
    : 0.1;
}

/** Without quoting, a field that begins with a quote and ends with one says that quoting was meant. */
function openQuote({ fields }: CsvRecord, { quote }: Dialect): boolean {
  return quote === null && fields.some((field) => field.length > 1 && field.startsWith('"') && field.endsWith('"'));
}

/** Records of the sample, blank lines left out; `open`: a quote is not closed in it. */
export function readSample(
  sample: Uint8Array,
  complete: boolean,
  dialect: Dialect,
  most = MOST,
): { records: CsvRecord[]; open: boolean } {
  const records: CsvRecord[] = [];
  for (let at = 0; at < sample.length && records.length < most;) {
    const record = readRecord(sample, at, sample.length, dialect);
    if (record.next === -1) return { records, open: complete };
    if (record.next === sample.length && !complete) break;
    at = record.next;
    if (!isBlank(record)) records.push(record);
  }
  return { records, open: false };
}

export const isBlank = ({ fields, quoted }: CsvRecord): boolean =>
  fields.length === 1 && fields[0] === '' && quoted[0] === false;
