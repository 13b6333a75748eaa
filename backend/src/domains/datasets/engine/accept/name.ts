import type { DatasetFormat } from '@llm-ops/contracts';

export interface Named {
  format: DatasetFormat;
  gzip: boolean;
}

const formats: Record<string, DatasetFormat> = { csv: 'csv', jsonl: 'jsonl', ndjson: 'jsonl', parquet: 'parquet' };

/** What a file is by its name; null: nothing that is taken. */
export function formatOfName(path: string): Named | null {
  const match = /\.(csv|jsonl|ndjson|parquet)(\.gz)?$/i.exec(path);
  if (match === null) return null;
  const format = formats[match[1]!.toLowerCase()]!;
  const gzip = match[2] !== undefined;
  return format === 'parquet' && gzip ? null : { format, gzip };
}

export type Content =
  | 'gzip'
  | 'parquet'
  | 'zip'
  | 'zstd'
  | 'xz'
  | 'bzip2'
  | 'pdf'
  | 'excel'
  | 'arrow'
  | 'avro'
  | 'text';

const magics: [Content, number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['parquet', [...Buffer.from('PAR1')]],
  ['parquet', [...Buffer.from('PARE')]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [...Buffer.from('BZh')]],
  ['pdf', [...Buffer.from('%PDF-')]],
  ['excel', [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]],
  ['arrow', [...Buffer.from('ARROW1')]],
  ['avro', [...Buffer.from('Obj\u0001')]],
];

/** What a file is by its first bytes. */
export function contentOf(head: Uint8Array): Content {
  // `BZh` may begin a text too; a digit and the magic of a block follow it in a bzip2 file.
  const found = magics.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? 'text';
  return found === 'bzip2' && !(head[4] === 0x31 && head[5] === 0x41) ? 'text' : found;
}
