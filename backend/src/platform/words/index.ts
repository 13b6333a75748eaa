/** The sentences that the platform says to people: English here, by a code and with what was put into them for everybody who translates. */

/** A sentence that may stand in another. */
export interface Sentence {
  text: string;
  code: string;
  values?: Readonly<Record<string, Value>>;
}
/** Numbers are written with separators, lists of words with commas, of sentences one after the other; text is taken as it is: names, units, words of somebody else. */
export type Value = string | number | Sentence | readonly (string | number | Sentence)[];

/** Of an object: the code and the values of each field that is a sentence of the platform. */
export type Said = Record<string, { code: string; values?: Record<string, unknown> | undefined }>;

/** Texts by field, `{name}` for a value; `{rows:row}` is counted (1 row, 2 rows), as is `{n:entry|entries}`. */
type Entry = Readonly<Record<string, string>>;
export type Table = Readonly<Record<string, Entry>>;

type NameOf<Inner extends string> = Inner extends `${infer Name}:${string}` ? Name : Inner;
type Names<Text extends string> = Text extends `${string}{${infer Inner}}${infer Rest}`
  ? NameOf<Inner> | Names<Rest>
  : never;
type NamesOf<Of extends Entry> = Names<Of[keyof Of] & string>;
type Given<Of extends Entry> = [NamesOf<Of>] extends [never] ? [] : [values: Readonly<Record<NamesOf<Of>, Value>>];

export type Told<Of extends Entry> = { [Field in keyof Of]: string } & { said: Said };

/**
 * Says the entries of a table: `tell('file_empty')` gives the text of each of its fields and, in `said`, their codes
 * (`datasets.file_empty.reason`). A code never changes its meaning; whoever does not know it shows the text.
 */
export function createWords<const T extends Table>(area: string, table: T) {
  return {
    area,
    table: table as Table,
    tell<Code extends keyof T & string>(code: Code, ...[values]: Given<T[Code]>): Told<T[Code]> {
      const fields = Object.entries(table[code]!);
      const said: Said = {};
      const texts: Record<string, string> = {};
      for (const [field, text] of fields) {
        texts[field] = fill(text, values ?? {});
        const wanted = Object.entries(values ?? {}).filter(([name]) => namesIn(text).includes(name));
        said[field] = {
          code: `${area}.${code}.${field}`,
          ...(wanted.length === 0 ? {} : { values: Object.fromEntries(wanted) }),
        };
      }
      return { ...texts, said } as Told<T[Code]>;
    },
    /** The text of an entry that is only ever a part of others. */
    line<Code extends keyof T & string>(code: Code, ...given: Given<T[Code]>): Sentence {
      const { text, said } = this.tell(code, ...given) as unknown as { text: string; said: Said };
      return { text, ...said['text'] } as Sentence;
    },
    /** Every entry by its code; for tables whose texts take no values. */
    all(): { [Code in keyof T]: Told<T[Code]> } {
      const tell = (code: string) => this.tell(code, ...([] as unknown as Given<T[string]>));
      return Object.fromEntries(Object.keys(table).map((code) => [code, tell(code)])) as {
        [Code in keyof T]: Told<T[Code]>;
      };
    },
  };
}

/** A field of something told, to stand in another sentence; words of somebody else stay text. */
export function again<Field extends string>(
  of: { readonly [Key in Field]: string } & { readonly said?: Said | undefined },
  field: Field,
): string | Sentence {
  const known = of.said?.[field];
  return known === undefined ? of[field] : ({ text: of[field], ...known } as Sentence);
}

/** The remedy alone of something told. */
export const remedyBy = ({ remedy, said }: { remedy: string; said?: Said | undefined }) => ({
  remedy,
  said: said?.['remedy'] && { remedy: said['remedy'] },
});

/** One object of several: later fields win, and keep what is known of them. */
export function together<A extends { said?: Said | undefined }, B extends { said?: Said | undefined }>(
  a: A,
  b: B,
): Omit<A, keyof B | 'said'> & Omit<B, 'said'> & { said: Said } {
  const kept = Object.fromEntries(Object.entries(a.said ?? {}).filter(([field]) => !(field in b)));
  return { ...a, ...b, said: { ...kept, ...b.said } };
}

const place = /\{(\w+)(?::([^}|]+)(?:\|([^}]+))?)?\}/g;

/** Names of the values that a text takes. */
export const namesIn = (text: string): string[] => [...text.matchAll(place)].map(([, name]) => name!);

function fill(text: string, values: Readonly<Record<string, Value>>): string {
  return text.replaceAll(place, (_, name: string, one?: string, more?: string) => {
    const value = values[name] ?? '';
    const shown = show(value);
    return one === undefined ? shown : `${shown} ${value === 1 ? one : (more ?? `${one}s`)}`;
  });
}

function show(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 20 });
  if ('text' in value) return value.text;
  return value.map(show).join(value.every((each) => typeof each === 'object') ? ' ' : ', ');
}
