import { DuckDBTypeId, type DuckDBDataChunk, type DuckDBType } from '@duckdb/node-api';
import bindings from '@duckdb/node-bindings';
import { integerCell, toCell, type Cell } from './values.ts';

/** Up to 2,048 rows of a result. Only good until the next one is asked for; what was read from it stays. */
export interface Chunk {
  readonly rows: number;
  readonly names: readonly string[];
  readonly types: readonly DuckDBType[];
  column(index: number): Cell[];
  /** of a column of texts (VARCHAR, JSON); several times faster than DuckDB's own reader */
  strings(index: number): (string | null)[];
}

export function openChunk(chunk: DuckDBDataChunk, names: readonly string[], types: readonly DuckDBType[]): Chunk {
  const rows = chunk.rowCount;
  return {
    rows,
    names,
    types,
    column(index) {
      const type = types[index]!;
      if (type.typeId === DuckDBTypeId.VARCHAR) return readStrings(chunk, index, rows);
      if (type.typeId === DuckDBTypeId.BIGINT) return readBigints(chunk, index, rows);
      return chunk.getColumnValues(index).map((value) => toCell(value, type));
    },
    strings(index) {
      if (types[index]?.typeId !== DuckDBTypeId.VARCHAR) throw new Error(`Column ${names[index]} is no text.`);
      return readStrings(chunk, index, rows);
    },
  };
}

/** Strings up to so long lie in the vector itself. */
const INLINE = 12;
/** Two strings that are no further apart lie on the same or on neighbouring pages, so what is between them can be read too. */
const NEAR = 256;

/**
 * Each entry of the vector has 16 bytes: a length, then the text or a pointer to it. DuckDB's reader makes a buffer for each pointer;
 * most texts of a vector lie one behind the other, so here one buffer is made for all that do.
 */
function readStrings(chunk: DuckDBDataChunk, index: number, rows: number): (string | null)[] {
  const { entries, valid } = open(chunk, index, rows, 16);
  const inline = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
  const words = new Uint32Array(entries.buffer, entries.byteOffset, rows * 4);
  // A dense array: filled in order.
  const texts: (string | null)[] = [];
  const far: number[] = [];
  for (let row = 0; row < rows; row++) {
    const length = words[row * 4]!;
    if (!isValid(valid, row)) texts.push(null);
    else if (length <= INLINE) texts.push(inline.toString('utf8', row * 16 + 4, row * 16 + 4 + length));
    else {
      texts.push('');
      far.push(row);
    }
  }
  const addressOf = (row: number): number => words[row * 4 + 2]! + words[row * 4 + 3]! * 2 ** 32;
  for (let first = 0; first < far.length;) {
    const start = addressOf(far[first]!);
    let end = start + words[far[first]! * 4]!;
    let next = first + 1;
    for (; next < far.length; next++) {
      const address = addressOf(far[next]!);
      if (address < start || address > end + NEAR) break;
      end = Math.max(end, address + words[far[next]! * 4]!);
    }
    const run = bindings.get_data_from_pointer(
      entries.buffer as ArrayBuffer,
      entries.byteOffset + far[first]! * 16 + 8,
      end - start,
    );
    const bytes = Buffer.from(run.buffer, run.byteOffset, run.byteLength);
    for (; first < next; first++) {
      const row = far[first]!;
      const from = addressOf(row) - start;
      texts[row] = bytes.toString('utf8', from, from + words[row * 4]!);
    }
  }
  return texts;
}

function readBigints(chunk: DuckDBDataChunk, index: number, rows: number): (number | bigint | null)[] {
  const { entries, valid } = open(chunk, index, rows, 8);
  const values = new BigInt64Array(entries.buffer, entries.byteOffset, rows);
  const numbers: (number | bigint | null)[] = [];
  for (let row = 0; row < rows; row++) numbers.push(isValid(valid, row) ? integerCell(values[row]!) : null);
  return numbers;
}

function open(chunk: DuckDBDataChunk, index: number, rows: number, width: number) {
  const vector = bindings.data_chunk_get_vector(chunk.chunk, index);
  return {
    entries: bindings.vector_get_data(vector, rows * width),
    /** null: no entry is missing */
    valid: bindings.vector_get_validity(vector, Math.ceil(rows / 64) * 8) as Uint8Array | null,
  };
}

const isValid = (valid: Uint8Array | null, row: number): boolean =>
  valid === null || ((valid[row >> 3]! >> (row & 7)) & 1) === 1;
