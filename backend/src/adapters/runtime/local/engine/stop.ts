/** Ends a text at the first stop sequence, and holds back what may be the beginning of one until it is known. */
export function createStopFilter(stops: string[]) {
  let held = '';
  return {
    /** What may be shown now, and whether a stop sequence was met (it is not shown). */
    push(text: string): { text: string; stopped: boolean } {
      if (stops.length === 0) return { text, stopped: false };
      held += text;
      const at = earliest(held, stops);
      if (at !== -1) {
        const shown = held.slice(0, at);
        held = '';
        return { text: shown, stopped: true };
      }
      const keep = longestBeginning(held, stops);
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: shown, stopped: false };
    },
    /** What was held back when the text ended by itself. */
    flush(): string {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

function earliest(text: string, stops: string[]): number {
  let first = -1;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at !== -1 && (first === -1 || at < first)) first = at;
  }
  return first;
}

/** Length of the longest end of `text` that begins a stop sequence. */
function longestBeginning(text: string, stops: string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}
