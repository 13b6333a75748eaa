/** Thrift's compact protocol, as far as Parquet's descriptions need it: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md */

export type Field =
  | { i32: number }
  | { i64: number | bigint }
  | { binary: string | Uint8Array }
  | { struct: Struct }
  | { structs: Struct[] }
  | { i32s: number[] }
  | { binaries: string[] };
/** Fields by number. */
export type Struct = Record<number, Field>;

const types = { i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

export interface ThriftBytes {
  struct(struct: Struct): void;
  /** The bytes so far, which stay good until the next one is written. */
  take(): Buffer;
}

export function createThrift(): ThriftBytes {
  let bytes = Buffer.allocUnsafe(4096);
  let length = 0;

  function room(more: number): void {
    if (length + more <= bytes.length) return;
    const longer = Buffer.allocUnsafe(Math.max(bytes.length * 2, length + more));
    bytes.copy(longer, 0, 0, length);
    bytes = longer;
  }
  function byte(value: number): void {
    room(1);
    bytes[length++] = value;
  }
  function varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) byte((rest % 0x80) | 0x80);
    byte(rest);
  }
  /** Signed numbers are interleaved: 0, -1, 1, -2 … Exact to 2^52; nothing here is larger. */
  const zigzag = (value: number): void => varint(value >= 0 ? value * 2 : -value * 2 - 1);
  function binary(value: string | Uint8Array): void {
    const content = typeof value === 'string' ? Buffer.from(value) : value;
    varint(content.length);
    room(content.length);
    bytes.set(content, length);
    length += content.length;
  }
  function list(size: number, type: number): void {
    if (size < 15) byte((size << 4) | type);
    else {
      byte(0xf0 | type);
      varint(size);
    }
  }

  function struct(fields: Struct): void {
    let before = 0;
    // Numbers as keys come in ascending order.
    for (const key of Object.keys(fields)) {
      const number = Number(key);
      const field = fields[number]!;
      const begin = (type: number): void => {
        const step = number - before;
        if (step <= 15) byte((step << 4) | type);
        else {
          byte(type);
          zigzag(number);
        }
        before = number;
      };
      if ('i32' in field) {
        begin(types.i32);
        zigzag(field.i32);
      } else if ('i64' in field) {
        begin(types.i64);
        zigzag(Number(field.i64));
      } else if ('binary' in field) {
        begin(types.binary);
        binary(field.binary);
      } else if ('struct' in field) {
        begin(types.struct);
        struct(field.struct);
      } else if ('structs' in field) {
        begin(types.list);
        list(field.structs.length, types.struct);
        for (const each of field.structs) struct(each);
      } else if ('i32s' in field) {
        begin(types.list);
        list(field.i32s.length, types.i32);
        for (const each of field.i32s) zigzag(each);
      } else {
        begin(types.list);
        list(field.binaries.length, types.binary);
        for (const each of field.binaries) binary(each);
      }
    }
    byte(0);
  }
  return {
    struct,
    take() {
      const taken = bytes.subarray(0, length);
      length = 0;
      return taken;
    },
  };
}
