export interface ReadJson {
  value: unknown;
  /** false: the text broke off and what was begun is closed or left out */
  whole: boolean;
}

/** How far back an end is looked for that can be closed: a broken value, its key, and a bit. */
const keptCuts = 8;

/** Reads JSON, also what was cut off somewhere: as much of it as can be understood. Null for what is no JSON. */
export function readJson(text: string): ReadJson | null {
  try {
    return { value: JSON.parse(text) as unknown, whole: true };
  } catch {
    return readBroken(text);
  }
}

/** What is open at some place, innermost first. A list that shares its tail, so that a place is remembered at no cost. */
interface Open {
  closer: string;
  outer: Open | null;
}

function closing(open: Open | null): string {
  let text = '';
  for (let at = open; at !== null; at = at.outer) text += at.closer;
  return text;
}

function readBroken(text: string): ReadJson | null {
  let open: Open | null = null;
  /** places after which the text can be closed: behind an opening, before a comma */
  const cuts: { at: number; open: Open | null }[] = [];
  const mark = (at: number) => {
    cuts.push({ at, open });
    if (cuts.length > keptCuts) cuts.shift();
  };
  let inString = false;
  let escapeAt = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (inString) {
      if (letter === '\\') {
        escapeAt = at;
        at += 1;
      } else if (letter === '"') inString = false;
    } else if (letter === '"') {
      inString = true;
    } else if (letter === '{' || letter === '[') {
      open = { closer: letter === '{' ? '}' : ']', outer: open };
      mark(at + 1);
    } else if (letter === '}' || letter === ']') {
      if (open?.closer !== letter) return null;
      open = open.outer;
    } else if (letter === ',') {
      mark(at);
    }
  }
  if (open === null) return null;
  const halfLetter = /^\\(?:u[\da-fA-F]{0,3})?$/.test(text.slice(escapeAt));
  const end = inString ? `${halfLetter ? text.slice(0, escapeAt) : text}"` : text;
  for (const candidate of [
    () => end + closing(open),
    ...cuts.toReversed().map((cut) => () => text.slice(0, cut.at) + closing(cut.open)),
  ]) {
    try {
      return { value: JSON.parse(candidate()) as unknown, whole: false };
    } catch {
      // further back then
    }
  }
  return null;
}

const longText = 400;
const deepest = 40;

/** The same value with its long texts (files, sounds, vectors in base64) shortened and what is nested too deep left out, for the eye. */
export function shortened(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') {
    return value.length > longText ? `${value.slice(0, longText)}… (${value.length})` : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (depth === deepest) return '…';
  if (Array.isArray(value)) return value.map((child) => shortened(child, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, shortened(child, depth + 1)]));
}
