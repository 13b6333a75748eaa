import { maskOf } from '../../pii/index.ts';

/** Names and places that were found in the rows, so that no other part of a report shows them either. */
export interface Names {
  add(type: string, name: string): void;
  /** A text with every one of them masked, also one that is cut off at its end. */
  conceal(text: string): string;
}

/** Of more of them nothing is remembered, and nothing is shown any more. */
const most = 100_000;
/** Shorter ones would mask letters everywhere. */
const least = 2;
const cut = ' …';

export function createNames(): Names {
  const types = new Map<string, string>();
  /** by the first two characters, longest first */
  let index: Map<string, string[]> | null = null;

  function indexed(): Map<string, string[]> {
    if (index !== null) return index;
    index = new Map();
    for (const name of [...types.keys()].toSorted((a, b) => b.length - a.length)) {
      const key = name.slice(0, least);
      const others = index.get(key);
      if (others === undefined) index.set(key, [name]);
      else others.push(name);
    }
    return index;
  }

  return {
    add(type, name) {
      const known = name.replaceAll(/\s+/g, ' ').trim();
      if (known.length < least || types.size > most || types.has(known)) return;
      types.set(known, type);
      index = null;
    },
    conceal(text) {
      if (types.size === 0) return text;
      if (types.size > most) return '…';
      const names = indexed();
      const end = text.endsWith(cut) ? text.length - cut.length : text.length;
      let shown = '';
      for (let at = 0; at < text.length;) {
        const found = names
          .get(text.slice(at, at + least))
          ?.find((name) => text.startsWith(name, at) || (end < text.length && name.startsWith(text.slice(at, end))));
        const length = found === undefined ? 1 : Math.min(found.length, end - at);
        shown += found === undefined ? text[at] : maskOf(types.get(found)!, text.slice(at, at + length));
        at += length;
      }
      return shown;
    },
  };
}
