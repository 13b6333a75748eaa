/** What a UTF-16 unit is to the reader of words. */
export const kinds = {
  /** ends a word */
  gap: 0,
  /** part of a word */
  word: 1,
  /** a word by itself: of scripts that are written without spaces, or with spaces that people set as they like (Hangul) */
  alone: 2,
  /** within a word, not part of it: `don't` and `dont` are one word */
  silent: 3,
  /** the text should be composed (NFC) first */
  decomposed: 4,
  /** first half of a pair */
  high: 5,
  /** white space */
  space: 6,
} as const;

export const scripts = [
  'none',
  'latin',
  'hangul',
  'han',
  'kana',
  'cyrillic',
  'greek',
  'arabic',
  'hebrew',
  'devanagari',
  'bengali',
  'tamil',
  'telugu',
  'thai',
  'lao',
  'khmer',
  'myanmar',
  'georgian',
  'armenian',
  'digit',
  'other',
] as const;
export type Script = (typeof scripts)[number];

interface CharacterTable {
  kind: Uint8Array;
  /** index in `scripts` */
  script: Uint8Array;
  /** compatible, lower case */
  fold: Uint16Array;
}

const propertyOf: Partial<Record<Script, RegExp>> = {
  latin: /\p{sc=Latin}/u,
  hangul: /\p{sc=Hangul}/u,
  han: /\p{sc=Han}/u,
  kana: /[\p{sc=Hiragana}\p{sc=Katakana}ー]/u,
  cyrillic: /\p{sc=Cyrillic}/u,
  greek: /\p{sc=Greek}/u,
  arabic: /\p{sc=Arabic}/u,
  hebrew: /\p{sc=Hebrew}/u,
  devanagari: /\p{sc=Devanagari}/u,
  bengali: /\p{sc=Bengali}/u,
  tamil: /\p{sc=Tamil}/u,
  telugu: /\p{sc=Telugu}/u,
  thai: /\p{sc=Thai}/u,
  lao: /\p{sc=Lao}/u,
  khmer: /\p{sc=Khmer}/u,
  myanmar: /\p{sc=Myanmar}/u,
  georgian: /\p{sc=Georgian}/u,
  armenian: /\p{sc=Armenian}/u,
};
const aloneScripts: readonly Script[] = ['hangul', 'han', 'kana', 'thai', 'lao', 'khmer', 'myanmar'];

let made: CharacterTable | null = null;
/** Of the basic plane; made at the first call. */
export const characters = (): CharacterTable => (made ??= make());

/** Of a code point beyond the basic plane. */
export function kindOfPair(code: number): number {
  if (code >= 0x20000 && code < 0x40000) return kinds.alone;
  return /[\p{L}\p{N}]/u.test(String.fromCodePoint(code)) ? kinds.word : kinds.gap;
}

function make(): CharacterTable {
  const table = { kind: new Uint8Array(65536), script: new Uint8Array(65536), fold: new Uint16Array(65536) };
  for (let code = 0; code < 65536; code++) {
    table.fold[code] = code;
    if (code >= 0xd800 && code < 0xe000) {
      table.kind[code] = code < 0xdc00 ? kinds.high : kinds.gap;
      continue;
    }
    const compatible = String.fromCharCode(code).normalize('NFKC').toLowerCase();
    if (compatible.length === 1) table.fold[code] = compatible.charCodeAt(0);
    const text = String.fromCharCode(table.fold[code]!);
    table.script[code] = scripts.indexOf(scriptOf(text));
    table.kind[code] = kindOf(code, text, scripts[table.script[code]!]!);
  }
  return table;
}

function kindOf(code: number, text: string, script: Script): number {
  // Marks and letters of Jamo that a composed text would not have, and marks of Kana.
  if ((code >= 0x300 && code < 0x370) || (code >= 0x1100 && code < 0x1200) || code === 0x3099 || code === 0x309a)
    return kinds.decomposed;
  if (code === 0x27 || code === 0x2019 || code === 0xad || code === 0x200b || code === 0x200d) return kinds.silent;
  if (/\s/u.test(text)) return kinds.space;
  if (!/[\p{L}\p{N}\p{M}]/u.test(text)) return kinds.gap;
  return aloneScripts.includes(script) ? kinds.alone : kinds.word;
}

function scriptOf(text: string): Script {
  if (/\p{N}/u.test(text)) return 'digit';
  if (!/[\p{L}\p{M}ー]/u.test(text)) return 'none';
  for (const [script, property] of Object.entries(propertyOf)) if (property.test(text)) return script as Script;
  return 'other';
}
