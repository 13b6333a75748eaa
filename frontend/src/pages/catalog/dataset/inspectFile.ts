import type { DatasetFormat } from '@llm-ops/contracts';
import { fieldsOf, recordsOf, sniffDelimiter } from './csv.ts';

/** What is wrong with a file, as far as its beginning shows: a key of `datasets.file.problem` and what the text names. */
export interface Problem {
  key: string;
  values: Record<string, string | number>;
  /** of single lines: no hindrance where those that cannot be read are left out */
  ofLines?: boolean;
}
/** What a look at the beginning of a file found before a byte of it is sent. */
export interface FileLook {
  format: DatasetFormat | null;
  problem: Problem | null;
  /** of a CSV's header or the first JSON lines; null: not known here (Parquet) */
  columns: string[] | null;
}

const endings: Record<string, DatasetFormat> = {
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet',
};
export const accepted = [...Object.keys(endings), '.csv.gz', '.jsonl.gz', '.ndjson.gz'];
/** bytes of the (decompressed) beginning that are read */
const headBytes = 256 * 1024;
const maxFileBytes = 10 * 1024 ** 3;

const looked = (format: DatasetFormat | null, columns: string[] | null = null): FileLook => ({
  format,
  problem: null,
  columns,
});
const wrong = (format: DatasetFormat | null, key: string, values: Problem['values'] = {}): FileLook => ({
  format,
  problem: { key, values },
  columns: null,
});

/** Looks at name, first bytes and first lines of a file. The platform reads all of it; this tells at once what can be told at once. */
export async function inspectFile(file: File): Promise<FileLook> {
  const name = file.name.toLowerCase();
  const gzip = name.endsWith('.gz');
  const format = endings[/\.[a-z]+$/.exec(gzip ? name.slice(0, -3) : name)?.[0] ?? ''] ?? null;
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(file.name)) return wrong(format, 'name');
  if (format === null) return wrong(null, 'ending', { endings: Object.keys(endings).join(' ') });
  if (gzip && format === 'parquet') return wrong(format, 'gzParquet');
  if (file.size === 0) return wrong(format, 'empty');
  if (file.size > maxFileBytes) return wrong(format, 'size');
  const first = await bytesOf(file.slice(0, headBytes));
  if (gzip !== startsWith(first, [0x1f, 0x8b])) return wrong(format, gzip ? 'notGzip' : 'gzip');
  const head = gzip ? await unzipped(file) : first;
  if (head === null) return wrong(format, 'notGzip');
  if (format === 'parquet') return inspectParquet(file, head);
  const kind = binaryKind(head);
  if (kind !== null) return wrong(format, kind);
  const whole = gzip ? head.length < headBytes : file.size <= headBytes;
  const text = decode(head);
  return format === 'csv' ? inspectCsv(text) : inspectJsonLines(text, whole);
}

const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());
const startsWith = (bytes: Uint8Array, with_: readonly number[]) => with_.every((byte, index) => bytes[index] === byte);

/** The beginning of what a gzip file holds; null when it is damaged there. */
async function unzipped(file: File): Promise<Uint8Array | null> {
  const reader = file.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (length < headBytes) {
      const { value, done } = await reader.read();
      if (done) break;
      chunks.push(value);
      length += value.length;
    }
    void reader.cancel().catch(() => undefined);
  } catch {
    if (length === 0) return null;
  }
  return bytesOf(new Blob(chunks as BlobPart[]).slice(0, headBytes));
}

const parquetMagic = [0x50, 0x41, 0x52, 0x31];

async function inspectParquet(file: File, head: Uint8Array): Promise<FileLook> {
  const whole = startsWith(head, parquetMagic) && startsWith(await bytesOf(file.slice(-4)), parquetMagic);
  return whole ? looked('parquet') : wrong('parquet', 'notParquet');
}

/** What people send by mistake, known by its first bytes. */
function binaryKind(head: Uint8Array): string | null {
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04])) return 'zip';
  if (startsWith(head, parquetMagic)) return 'isParquet';
  if (startsWith(head, [0x25, 0x50, 0x44, 0x46])) return 'pdf';
  const utf16 = startsWith(head, [0xff, 0xfe]) || startsWith(head, [0xfe, 0xff]);
  return !utf16 && head.subarray(0, 4096).filter((byte) => byte === 0).length > 8 && !likeUtf16(head) ? 'binary' : null;
}

/** UTF-16 without a mark: every other byte of plain text is zero. */
const likeUtf16 = (head: Uint8Array) => {
  const part = head.subarray(0, 4096);
  const zeros = [0, 1].map((odd) => part.filter((byte, index) => index % 2 === odd && byte === 0).length);
  return Math.max(...zeros) > part.length * 0.3 && Math.min(...zeros) < part.length * 0.05;
};

/** The encodings that the platform knows, in its order; a character that is cut at the end does no harm. */
function decode(head: Uint8Array): string {
  const mark = startsWith(head, [0xff, 0xfe]) ? 'utf-16le' : startsWith(head, [0xfe, 0xff]) ? 'utf-16be' : null;
  if (mark !== null) return new TextDecoder(mark).decode(head);
  if (likeUtf16(head)) return new TextDecoder(head[0] === 0 ? 'utf-16be' : 'utf-16le').decode(head);
  for (const encoding of ['utf-8', 'euc-kr']) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(head, { stream: true });
    } catch {
      // not this one
    }
  }
  return new TextDecoder('latin1').decode(head);
}

function inspectCsv(text: string): FileLook {
  const line = recordsOf(text, 1)[0];
  if (line === undefined || line.trim() === '') return wrong('csv', 'noHeader');
  if (/^\s*[[{]"/.test(line)) return wrong('csv', 'isJson');
  const columns = fieldsOf(line, sniffDelimiter(line)).map((field) => field.trim());
  const keys = columns.map((column) => column.toLowerCase());
  const twice = columns.find((_, index) => keys.indexOf(keys[index]!) !== index);
  if (columns.includes('')) return wrong('csv', 'emptyColumn', { number: columns.indexOf('') + 1 });
  if (twice !== undefined) return wrong('csv', 'twice', { column: twice });
  return looked('csv', columns);
}

function inspectJsonLines(text: string, whole: boolean): FileLook {
  const lines = text.split(/\r?\n/);
  // the last line of what was read may go on
  if (!whole) lines.pop();
  const columns = new Set<string>();
  let read = 0;
  let broken: Problem | null = null;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    if (read === 0 && line.trimStart().startsWith('[')) return wrong('jsonl', 'array');
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      if (read === 0 && line.trim() === '{') return wrong('jsonl', 'pretty', { line: index + 1 });
      broken ??= { key: 'brokenLine', values: { line: index + 1 }, ofLines: true };
      continue;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      broken ??= { key: 'notObject', values: { line: index + 1 }, ofLines: true };
      continue;
    }
    for (const key of Object.keys(value)) columns.add(key);
    read += 1;
  }
  if (read === 0 && broken === null) return whole ? wrong('jsonl', 'empty') : looked('jsonl');
  return { ...looked('jsonl', read === 0 ? null : [...columns]), problem: broken };
}
