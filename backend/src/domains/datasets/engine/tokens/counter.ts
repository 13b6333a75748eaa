import { Tokenizer } from '@huggingface/tokenizers';
import { templateCost } from './template.ts';

export interface TokenCounter {
  /** tokens of a text, without special ones */
  count(text: string): number;
  /** what the chat template adds to a conversation of so many messages; 0 without a template */
  overhead(messages: number): number;
}

/** How a text is cut so that its pieces have as many tokens as the whole: before each space, with the space, or without it. */
type Cut = 'spaced' | 'bare' | 'whole';

const SAMPLES = 64;
const SAMPLE_LENGTH = 2000;
/** pieces that are remembered, twice: those of late, and those of the time before */
const CACHED = 100_000;
const LONGEST_CACHED = 40;
/** A tokenizer has objects for each character: of a text without spaces so much at a time, and a token more now and then. */
const LONGEST = 100_000;

/**
 * Counts by pieces that end before a space, and remembers them: texts repeat their words, and tokenizers seldom join two of them. Whether this
 * one does is tried on the first texts: one that counts differently by pieces counts whole texts, which is ten times slower.
 */
export function createTokenCounter(files: { json: string; config: string | null }): TokenCounter {
  const config = files.config === null ? {} : (JSON.parse(files.config) as Record<string, unknown>);
  const tokenizer = new Tokenizer(JSON.parse(files.json) as object, config);
  const whole = (text: string): number => {
    let count = 0;
    for (let from = 0; from < text.length; from += LONGEST)
      count += tokenizer.tokenize(text.slice(from, from + LONGEST), { add_special_tokens: false }).length;
    return count;
  };
  let known = new Map<string, number>();
  let before = new Map<string, number>();
  const possible = new Set<Cut>(['spaced', 'bare']);
  let tried = 0;

  function piece(text: string): number {
    if (text.length > LONGEST_CACHED) return whole(text);
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const count = before.get(text) ?? whole(text);
    if (known.size >= CACHED) [before, known] = [known, new Map()];
    known.set(text, count);
    return count;
  }

  function byPieces(text: string, cut: Cut): number {
    let count = 0;
    let from = 0;
    for (;;) {
      const space = nextCut(text, from);
      // Without its space a piece begins after it.
      if (space === -1) return count + (from === text.length ? 0 : piece(text.slice(from)));
      count += piece(text.slice(from, space));
      from = cut === 'bare' ? space + 1 : space;
    }
  }

  /** The first texts are counted as a whole too, and in the ways that were right until now. */
  function probe(text: string): number {
    tried++;
    const sample = text.slice(0, SAMPLE_LENGTH);
    const count = whole(sample);
    for (const cut of possible) if (byPieces(sample, cut) !== count) possible.delete(cut);
    return sample.length === text.length ? count : rest(text);
  }

  function rest(text: string): number {
    const [cut = 'whole'] = possible;
    return cut === 'whole' ? whole(text) : byPieces(text, cut);
  }

  const cost = templateCost(config, whole);
  return {
    count: (text) => (tried < SAMPLES ? probe(text) : rest(text)),
    overhead: (messages) => (messages === 0 ? 0 : cost.first + cost.further * (messages - 1)),
  };
}

/** The next space after a character that is none; no tokenizer of words joins a word to a space that follows it. */
function nextCut(text: string, from: number): number {
  for (let at = text.indexOf(' ', from + 1); at !== -1; at = text.indexOf(' ', at + 1))
    if (text.charCodeAt(at - 1) > 0x20) return at;
  return -1;
}
