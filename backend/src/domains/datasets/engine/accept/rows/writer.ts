import { zstdCompressSync, constants } from 'node:zlib';
import { rowColumn } from '../../sql.ts';
import { createSink } from '../sink.ts';
import { createDictionaries, type Dictionary } from './dictionary.ts';
import { createPages, NONE, type Cells, type Unescapes } from './pages.ts';
import { createThrift, type Struct } from './thrift.ts';

export type Stored = 'text' | 'json' | 'bigint' | 'double' | 'boolean';

/**
 * Writes the rows of text formats as Parquet (see `RowsFile`), one row of cells after the other. DuckDB could write it too, but holds
 * 32 KB for each column, which is most of a gigabyte for 20,000, and several copies of a row, which may have a hundred megabytes.
 */
export interface RowsWriter {
  /** A row: its bytes, and for each column where its cell begins and ends in them (`NONE`; `ESCAPED` added to the end). */
  add(bytes: Buffer, start: number, end: number, cells: Int32Array): void;
  /** Writes what is left and the description of the file; answers how many rows there are, and nulls in each column. */
  close(): { rows: number; nulls: number[] };
  /** Lets go of the file as it is, unless it was closed. */
  abandon(): void;
}

export interface RowsColumn {
  name: string;
  stored: Stored;
}

const MIB = 1024 * 1024;
const physical = { boolean: 0, bigint: 2, double: 5, text: 6, json: 6 } as const;
const codecs = { none: 0, zstd: 6 } as const;
const encodings = { plain: 0, rle: 3, dictionary: 8 } as const;
const magic = Buffer.from('PAR1');

export function createRowsWriter(options: {
  path: string;
  columns: readonly RowsColumn[];
  unescape: Unescapes;
  /** false: without `__row`; default true */
  numbered?: boolean;
}): RowsWriter {
  const { path, columns, numbered = true } = options;
  const wide = columns.length > 1000;
  // A group of rows is what a page of a preview has to read. A wide table has few rows in it anyway.
  const heapLimit = wide ? 48 * MIB : 8 * MIB;
  const rowLimit = Math.max(1, Math.min(120_000, Math.floor(8_000_000 / columns.length)));
  const sink = createSink(path);
  const pageOf = createPages(options.unescape);
  const dictionaryOf = createDictionaries();
  const thrift = createThrift();
  const groups: Struct[] = [];
  const nulls = columns.map(() => 0);
  let position = 0;
  let written = 0;

  let heap = Buffer.allocUnsafeSlow(heapLimit + MIB);
  let used = 0;
  let bounds = new Int32Array(Math.min(rowLimit, 1024) * columns.length * 2);
  let rows = 0;

  function put(bytes: Uint8Array): void {
    sink.put(bytes);
    position += bytes.length;
  }
  put(magic);

  /** Answers where the page stands, and its bytes with its header: before and after compression. */
  function page(bytes: Buffer, codec: number, header: Struct): { offset: number; plain: number; packed: number } {
    const packed =
      codec === codecs.none ? bytes : zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    const offset = position;
    thrift.struct({ ...header, 2: { i32: bytes.length }, 3: { i32: packed.length } });
    const head = thrift.take();
    put(head);
    put(packed);
    return { offset, plain: head.length + bytes.length, packed: head.length + packed.length };
  }

  /** All cells of a column in this group of rows. */
  function chunk(
    { name, stored }: RowsColumn,
    values: Buffer,
    statistics: Struct,
    dictionary: Dictionary | null,
  ): Struct {
    // Small pages gain nothing by compression, and a wide table has many of them.
    const codec = values.length + (dictionary?.values.length ?? 0) < 128 ? codecs.none : codecs.zstd;
    const encoding = dictionary === null ? encodings.plain : encodings.dictionary;
    const first =
      dictionary === null
        ? null
        : page(dictionary.values, codec, {
            1: { i32: 2 },
            7: { struct: { 1: { i32: dictionary.count }, 2: { i32: encodings.plain } } },
          });
    const data = page(values, codec, {
      1: { i32: 0 },
      5: {
        struct: { 1: { i32: rows }, 2: { i32: encoding }, 3: { i32: encodings.rle }, 4: { i32: encodings.rle } },
      },
    });
    const description: Struct = {
      1: { i32: physical[stored] },
      2: { i32s: [encodings.plain, encodings.rle, ...(dictionary === null ? [] : [encodings.dictionary])] },
      3: { binaries: [name] },
      4: { i32: codec },
      5: { i64: rows },
      6: { i64: (first?.plain ?? 0) + data.plain },
      7: { i64: (first?.packed ?? 0) + data.packed },
      9: { i64: data.offset },
      12: { struct: statistics },
    };
    if (first !== null) description[11] = { i64: first.offset };
    return { 2: { i64: (first ?? data).offset }, 3: { struct: description } };
  }

  function columnChunk(column: RowsColumn, at: number, cells: Cells): Struct {
    const dictionary = column.stored === 'text' ? dictionaryOf(cells, at) : null;
    const values = dictionary === null ? pageOf(cells, at, column.stored) : null;
    const missing = (dictionary ?? values)!.nulls;
    nulls[at]! += missing;
    const statistics: Struct = { 3: { i64: missing } };
    if (values !== null && values.bounds !== null) {
      statistics[5] = { binary: int64(values.bounds.maximum) };
      statistics[6] = { binary: int64(values.bounds.minimum) };
    }
    return chunk(column, dictionary?.page ?? values!.bytes, statistics, dictionary);
  }

  function rowNumbers(): Struct {
    const numbers = Buffer.allocUnsafe(rows * 8);
    for (let row = 0; row < rows; row++) numbers.writeBigInt64LE(BigInt(written + row), row * 8);
    const statistics: Struct = {
      3: { i64: 0 },
      5: { binary: int64(BigInt(written + rows - 1)) },
      6: { binary: int64(BigInt(written)) },
    };
    return chunk({ name: rowColumn, stored: 'bigint' }, numbers, statistics, null);
  }

  function flush(): void {
    if (rows === 0) return;
    const cells: Cells = { heap, bounds, rows, columns: columns.length };
    const begun = position;
    const chunks = columns.map((column, at) => columnChunk(column, at, cells));
    if (numbered) chunks.push(rowNumbers());
    groups.push({ 1: { structs: chunks }, 2: { i64: position - begun }, 3: { i64: rows } });
    written += rows;
    rows = 0;
    used = 0;
  }

  return {
    add(bytes, start, end, cells) {
      const length = end - start;
      if (rows > 0 && (used + length > heapLimit || rows === rowLimit)) flush();
      if (used + length > heap.length) {
        (heap.buffer as ArrayBuffer).transfer(0);
        heap = Buffer.allocUnsafeSlow(length);
      }
      const width = columns.length * 2;
      if ((rows + 1) * width > bounds.length) {
        const longer = new Int32Array(Math.min(rowLimit, rows * 2) * width);
        longer.set(bounds);
        bounds = longer;
      }
      bytes.copy(heap, used, start, end);
      const shift = used - start;
      const base = rows * width;
      for (let at = 0; at < width; at += 2) {
        const to = cells[at + 1]!;
        bounds[base + at] = cells[at]! + shift;
        bounds[base + at + 1] = to === NONE ? NONE : to + shift;
      }
      used += length;
      rows += 1;
    },
    close() {
      flush();
      thrift.struct({
        1: { i32: 2 },
        2: { structs: schemaOf(columns, numbered) },
        3: { i64: written },
        4: { structs: groups },
        6: { binary: 'llm-ops' },
      });
      const description = Buffer.from(thrift.take());
      put(description);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(description.length);
      put(length);
      put(magic);
      sink.close();
      return { rows: written, nulls };
    },
    abandon: sink.abandon,
  };
}

/** Converted types and logical types of texts and JSON; every column of the data may be null. */
function schemaOf(columns: readonly RowsColumn[], numbered: boolean): Struct[] {
  const logical = {
    text: { 6: { i32: 0 }, 10: { struct: { 1: { struct: {} } } } },
    json: { 6: { i32: 19 }, 10: { struct: { 12: { struct: {} } } } },
  };
  const element = ({ name, stored }: RowsColumn, repetition: number): Struct => ({
    1: { i32: physical[stored] },
    3: { i32: repetition },
    4: { binary: name },
    ...(stored === 'text' || stored === 'json' ? logical[stored] : {}),
  });
  return [
    { 4: { binary: 'rows' }, 5: { i32: columns.length + (numbered ? 1 : 0) } },
    ...columns.map((column) => element(column, 1)),
    ...(numbered ? [element({ name: rowColumn, stored: 'bigint' }, 0)] : []),
  ];
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}
