import { words } from '../sentences.ts';
import type { Flaw } from '../text.ts';

/** A JSON reader that makes nothing of what it reads: it checks the grammar and tells the types of the members of the outer object. */

/** Bits of what values a column has. */
export const kinds = {
  null: 1,
  string: 2,
  /** an integer that a double holds exactly */
  integer: 4,
  /** one that needs all 64 bits */
  long: 8,
  /** one that needs more */
  huge: 16,
  number: 32,
  /** one that no double holds */
  beyond: 64,
  boolean: 128,
  list: 256,
  object: 512,
} as const;

export interface JsonProblem {
  /** offset in the block */
  at: number;
  flaw: Flaw;
}

export interface JsonLimits {
  /** levels of lists and objects */
  depth: number;
  /** values in one line */
  values: number;
}

/** Answers what is wrong with the key. `loose`: the value has backslashes, or spaces around what is in it. */
export type OnMember = (
  keyStart: number,
  keyEnd: number,
  escaped: boolean,
  kind: number,
  valueStart: number,
  valueEnd: number,
  loose: boolean,
) => Flaw | null;

export interface JsonScanner {
  /**
   * Reads the object that `bytes` holds from `start` to `end`; `bytes[end]` must be a line feed. `onMember` is told the key (as it is
   * written, without its quotes) and where its value stands. Null: all is well.
   */
  read(bytes: Buffer, start: number, end: number, onMember: OnMember): JsonProblem | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** ends a run of plain characters of a string */
const special = new Uint8Array(256);
special.fill(1, 0, 0x20);
special[QUOTE] = 1;
special[BACKSLASH] = 1;
/** may stand behind a backslash */
const escapes = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) escapes[byte] = 1;
const hex = new Uint8Array(256);
for (const byte of Buffer.from('0123456789abcdefABCDEF')) hex[byte] = 1;

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE;

export function createJsonScanner(limits: JsonLimits): JsonScanner {
  let bytes: Buffer = Buffer.alloc(1);
  let end = 0;
  let at = 0;
  let values = 0;
  let problem: JsonProblem | null = null;
  /** of the last string: it has a backslash */
  let escaped = false;
  /** of the value that is read: it has backslashes or spaces */
  let loose = false;
  let keyStart = 0;
  let keyEnd = 0;
  const isObject = new Uint8Array(limits.depth + 1);
  /** where the keys of the object on this level begin in `keys` */
  const firstKey = new Int32Array(limits.depth + 1);
  let keys = new Int32Array(3 * 1024);
  let keyCount = 0;
  const large = new Map<number, Set<string>>();

  function fail(flaw: Flaw): false {
    problem ??= { at, flaw };
    return false;
  }

  function skipSpace(): void {
    // The line feed at the end is none of these.
    for (let byte = bytes[at]!; byte === 0x20 || byte === 0x09 || byte === 0x0d; byte = bytes[at]!) {
      at += 1;
      loose = true;
    }
  }

  /** From behind the opening quote to behind the closing one. */
  function string(): boolean {
    escaped = false;
    for (;;) {
      let next = at;
      while (special[bytes[next]!] === 0) next += 1;
      at = next;
      if (at >= end) return fail(words.tell('json_string_open'));
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        at += 1;
        return true;
      }
      if (byte !== BACKSLASH)
        return fail(words.tell('json_control_character', { value: `0x${byte.toString(16).padStart(2, '0')}` }));
      escaped = true;
      loose = true;
      const letter = bytes[at + 1]!;
      if (escapes[letter] === 1) at += 2;
      else if (letter !== 0x75) return fail(words.tell('json_escape_unknown'));
      else if (!unicode()) return false;
    }
  }

  /** `\uXXXX`, and the other half of a pair */
  function unicode(): boolean {
    const unit = codeUnit();
    if (unit === -1) return fail(words.tell('json_escape_short'));
    const isHigh = unit >= 0xd800 && unit <= 0xdbff;
    if (!isHigh) {
      if (unit >= 0xdc00 && unit <= 0xdfff) return fail(words.tell('json_escape_half'));
      at += 6;
      return true;
    }
    at += 6;
    const low = bytes[at] === BACKSLASH && bytes[at + 1] === 0x75 ? codeUnit() : -1;
    if (low < 0xdc00 || low > 0xdfff) return fail(words.tell('json_escape_half'));
    at += 6;
    return true;
  }

  function codeUnit(): number {
    for (let digit = 2; digit < 6; digit++) if (at + digit >= end || hex[bytes[at + digit]!] === 0) return -1;
    return Number.parseInt(bytes.toString('latin1', at + 2, at + 6), 16);
  }

  /** Answers the kind, or 0. */
  function number(): number {
    const begun = at;
    if (bytes[at] === MINUS) at += 1;
    const first = at;
    if (bytes[at] === ZERO) at += 1;
    else while (isDigit(bytes[at]!)) at += 1;
    const digits = at - first;
    if (digits === 0) {
      fail(words.tell('json_number_empty'));
      return 0;
    }
    if (isDigit(bytes[at]!)) {
      fail(words.tell('json_number_zero'));
      return 0;
    }
    let whole = true;
    let exponent = false;
    if (bytes[at] === DOT) {
      whole = false;
      at += 1;
      const fraction = at;
      while (isDigit(bytes[at]!)) at += 1;
      if (at === fraction) {
        fail(words.tell('json_number_point'));
        return 0;
      }
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      whole = false;
      exponent = true;
      at += 1;
      if (bytes[at] === MINUS || bytes[at] === 0x2b) at += 1;
      const power = at;
      while (isDigit(bytes[at]!)) at += 1;
      if (at === power) {
        fail(words.tell('json_number_exponent'));
        return 0;
      }
    }
    if (!whole) {
      if (!exponent && digits < 300) return kinds.number;
      return Number.isFinite(Number(bytes.toString('latin1', begun, at))) ? kinds.number : kinds.beyond;
    }
    if (digits <= 15) return kinds.integer;
    if (digits >= 20) return kinds.huge;
    const value = BigInt(bytes.toString('latin1', begun, at));
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return kinds.integer;
    return value === BigInt.asIntN(64, value) ? kinds.long : kinds.huge;
  }

  function word(expected: string, kind: number): number {
    for (let letter = 0; letter < expected.length; letter++)
      if (bytes[at + letter] !== expected.charCodeAt(letter)) {
        unexpected();
        return 0;
      }
    at += expected.length;
    return kind;
  }

  function unexpected(): false {
    if (at >= end) return fail(words.tell('json_incomplete'));
    const byte = bytes[at]!;
    const rest = bytes.toString('latin1', at, Math.min(end, at + 10));
    if (byte === 0x27) return fail(words.tell('json_single_quotes'));
    if (/^(NaN|-?Infinity|undefined|None|True|False)\b/.test(rest))
      return fail(words.tell('json_no_value', { word: /^-?\w+/.exec(rest)![0] }));
    return byte > 0x20 && byte < 0x7f
      ? fail(words.tell('json_unexpected', { sign: String.fromCharCode(byte) }))
      : fail(words.tell('json_none'));
  }

  /** A value that is no list and no object; or 0. */
  function scalar(byte: number): number {
    if (byte === QUOTE) {
      at += 1;
      return string() ? kinds.string : 0;
    }
    if (isDigit(byte) || (byte === MINUS && bytes[at + 1] !== 0x49)) return number();
    if (byte === 0x74) return word('true', kinds.boolean);
    if (byte === 0x66) return word('false', kinds.boolean);
    if (byte === 0x6e) return word('null', kinds.null);
    unexpected();
    return 0;
  }

  /** Is the key that was just read the first of its name in its object? */
  function isNewKey(level: number, from: number, to: number): boolean {
    const first = firstKey[level]!;
    const many = keyCount - first;
    if (escaped || many >= 24) return isNewAmongMany(level, first, from, to);
    let hash = to - from;
    for (let byte = from; byte < to; byte++) hash = (Math.imul(hash, 31) + bytes[byte]!) | 0;
    for (let other = first; other < keyCount; other++)
      if (keys[other * 3] === hash && keyText(keys[other * 3 + 1]!, keys[other * 3 + 2]!) === keyText(from, to))
        return false;
    pushKey(hash, from, to);
    return true;
  }

  function isNewAmongMany(level: number, first: number, from: number, to: number): boolean {
    let known = large.get(level);
    if (known === undefined) {
      known = new Set();
      for (let other = first; other < keyCount; other++) known.add(keyText(keys[other * 3 + 1]!, keys[other * 3 + 2]!));
      large.set(level, known);
    }
    const text = keyText(from, to);
    if (known.has(text)) return false;
    known.add(text);
    // From now on every key of this object comes here.
    while (keyCount - first < 24) pushKey(0, from, to);
    return true;
  }

  function pushKey(hash: number, from: number, to: number): void {
    if (keyCount * 3 + 3 > keys.length) {
      const longer = new Int32Array(keys.length * 2);
      longer.set(keys);
      keys = longer;
    }
    keys[keyCount * 3] = hash;
    keys[keyCount * 3 + 1] = from;
    keys[keyCount * 3 + 2] = to;
    keyCount += 1;
  }

  function keyText(from: number, to: number): string {
    const text = bytes.toString('utf8', from, to);
    return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
  }

  /** Reads `"key" :`. */
  function key(): boolean {
    if (bytes[at] !== QUOTE)
      return at < end && bytes[at] !== 0x27 ? fail(words.tell('json_key_missing')) : unexpected();
    keyStart = at + 1;
    at += 1;
    if (!string()) return false;
    keyEnd = at - 1;
    skipSpace();
    if (bytes[at] !== COLON) return fail(words.tell('json_colon_missing'));
    at += 1;
    skipSpace();
    return true;
  }

  function newKey(level: number): boolean {
    if (isNewKey(level, keyStart, keyEnd)) return true;
    at = keyStart;
    return fail(words.tell('json_key_twice', { key: shown(keyText(keyStart, keyEnd)) }));
  }

  /** The rest of a list or an object whose opening bracket was read, with all that is in it. */
  function container(opened: number, base: number): boolean {
    let level = base;
    let byte = opened;
    for (;;) {
      // Here `byte` has just opened a list or an object on `level`.
      if (level >= limits.depth) return fail(words.tell('json_deep', { depth: limits.depth }));
      isObject[level] = byte === OPEN_OBJECT ? 1 : 0;
      firstKey[level] = keyCount;
      skipSpace();
      let closed = bytes[at] === (isObject[level] === 1 ? CLOSE_OBJECT : CLOSE_LIST) && at < end;
      if (closed) at += 1;
      for (;;) {
        if (!closed) {
          if (isObject[level] === 1 && !(key() && newKey(level))) return false;
          byte = bytes[at]!;
          if (++values > limits.values) return fail(words.tell('json_many_values', { most: limits.values }));
          if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
            at += 1;
            level += 1;
            break;
          }
          if (scalar(byte) === 0) return false;
        } else {
          keyCount = firstKey[level]!;
          if (large.size > 0) large.delete(level);
          if (level === base) return true;
          level -= 1;
        }
        skipSpace();
        byte = bytes[at]!;
        if (at >= end) return fail(words.tell('json_container_open'));
        if (byte === COMMA) {
          at += 1;
          skipSpace();
          closed = false;
        } else if (byte === (isObject[level] === 1 ? CLOSE_OBJECT : CLOSE_LIST)) {
          at += 1;
          closed = true;
        } else return fail(words.tell(isObject[level] === 1 ? 'json_comma_or_brace' : 'json_comma_or_bracket'));
      }
    }
  }

  return {
    read(block, start, stop, onMember) {
      bytes = block;
      at = start;
      end = stop;
      problem = null;
      keyCount = 0;
      values = 0;
      large.clear();
      skipSpace();
      if (bytes[at] !== OPEN_OBJECT || at >= end) {
        notAnObject();
        return problem;
      }
      at += 1;
      skipSpace();
      if (bytes[at] === CLOSE_OBJECT && at < end) at += 1;
      else
        for (;;) {
          if (!key()) return problem;
          const from = keyStart;
          const to = keyEnd;
          const wasEscaped = escaped;
          const byte = bytes[at]!;
          const valueStart = at;
          values += 1;
          loose = false;
          let kind: number;
          if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
            at += 1;
            if (!container(byte, 0)) return problem;
            kind = byte === OPEN_LIST ? kinds.list : kinds.object;
          } else {
            kind = scalar(byte);
            if (kind === 0) return problem;
          }
          const wrong = onMember(from, to, wasEscaped, kind, valueStart, at, loose);
          if (wrong !== null) {
            return { at: from, flaw: wrong };
          }
          skipSpace();
          if (at >= end) {
            fail(words.tell('json_object_open'));
            return problem;
          }
          if (bytes[at] === CLOSE_OBJECT) {
            at += 1;
            break;
          }
          if (bytes[at] !== COMMA) {
            fail(words.tell('json_comma_or_brace'));
            return problem;
          }
          at += 1;
          skipSpace();
        }
      skipSpace();
      if (at < end) fail(words.tell('json_behind'));
      return problem;
    },
  };

  function notAnObject(): void {
    if (bytes[at] === OPEN_LIST) fail(words.tell('json_list'));
    else if (at >= end) unexpected();
    else {
      const begun = at;
      const good = scalar(bytes[at]!) !== 0;
      skipSpace();
      if (good && at >= end) {
        at = begun;
        fail(words.tell('json_scalar'));
      }
      if (problem === null) {
        at = begun;
        unexpected();
      }
    }
  }
}

const shown = (key: string): string => JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
