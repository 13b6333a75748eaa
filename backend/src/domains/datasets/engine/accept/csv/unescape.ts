import type { Unescape } from '../rows/pages.ts';
import type { Dialect } from './record.ts';

/** What a quoted field with escapes in it means: of two quotes one, or a quote or a backslash without the backslash before it. */
export function csvUnescape({ quote, escape }: Dialect): Unescape {
  const quoteByte = quote?.charCodeAt(0) ?? -1;
  const escapeByte = escape?.charCodeAt(0) ?? -1;
  return (heap, start, end, target, at) => {
    let to = at;
    for (let from = start; from < end; from++) {
      const byte = heap[from]!;
      const next = from + 1 < end ? heap[from + 1] : -1;
      // The escape goes, what stands behind it stays.
      if (byte === escapeByte && (next === quoteByte || next === escapeByte)) from += 1;
      target[to++] = heap[from]!;
    }
    return to;
  };
}
