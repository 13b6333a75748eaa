import { findingWords, type Say } from '../findings/sentences.ts';
import { scripts } from '../text/characters.ts';
import type { Units } from '../text/units.ts';

export const outlierTypes = ['long', 'short', 'repetition', 'symbols', 'gibberish'] as const;
export type OutlierType = (typeof outlierTypes)[number];

export interface Outlier {
  type: OutlierType;
  /** 0 to 1 */
  confidence: number;
  say: Say;
}

/** Lengths beyond these are outliers; the same fences as those of the profile, 3 interquartile ranges of `ln(1 + length)`. */
export interface LengthFences {
  low: number;
  high: number;
}

const fence = 3;
/** Null where lengths say nothing: there are none, or half of them are the same. */
export function fencesOf(quantiles: readonly number[]): LengthFences | null {
  const [, lower, , upper] = quantiles;
  if (lower === undefined || upper === undefined || upper <= lower) return null;
  const [from, to] = [Math.log1p(lower), Math.log1p(upper)];
  return { low: Math.expm1(from - fence * (to - from)), high: Math.expm1(to + fence * (to - from)) };
}

/** Length of a cell in characters, as the profile counts them, against those of its column. */
export function lengthOutlier(text: string, fences: LengthFences | null): Outlier | null {
  if (fences === null || (text.length >= fences.low && text.length <= fences.high)) return null;
  let length = 0;
  for (let at = 0; at < text.length; at++) if ((text.charCodeAt(at) & 0xfc00) !== 0xdc00) length++;
  if (length >= fences.low && length <= fences.high) return null;
  const long = length > fences.high;
  return {
    type: long ? 'long' : 'short',
    confidence: 0.7,
    say: () => findingWords.line(long ? 'long' : 'short', { characters: length }),
  };
}

/** Shorter texts repeat, and consist of symbols, for good reasons. */
const LEAST_SHINGLES = 40;
const LEAST_VISIBLE = 60;
const REPEATED = 0.6;
const ALPHABETIC = 0.3;

/** Shares of a text, from what was counted while it was read. */
export function shareOutliers(
  units: Pick<Units, 'letters' | 'visible'>,
  shingles: { all: number; distinct: number },
): Outlier[] {
  const found: Outlier[] = [];
  const repeated = 1 - shingles.distinct / shingles.all;
  if (shingles.all >= LEAST_SHINGLES && repeated > REPEATED)
    found.push({
      type: 'repetition',
      confidence: Math.min(0.95, repeated),
      say: () => findingWords.line('repetition', { percent: percent(repeated) }),
    });
  const letters = units.letters / units.visible;
  if (units.visible >= LEAST_VISIBLE && letters < ALPHABETIC)
    found.push({
      type: 'symbols',
      confidence: 0.7,
      say: () => findingWords.line('symbols', { percent: percent(letters) }),
    });
  return found;
}

const SAMPLE = 600;
const LEAST_LETTERS = 40;
const RUN = 5;
const IN_RUNS = 0.25;
const UNBROKEN = 40;
const vowels = new Set([...'aeiouyäöüáéíóúàèìòùâêîôûãõåæøœıěůőűąę'].map((letter) => letter.charCodeAt(0)));
const latin = scripts.indexOf('latin');

/**
 * Latin letters as nobody writes them: long runs of consonants (keys hit at random), words of 40 letters and more (encoded bytes), or hardly any
 * different letters.
 */
export function gibberish(units: Units, text: string): Outlier | null {
  const looked = Math.min(units.count, 128);
  let inLatin = 0;
  let unbroken = 0;
  for (let at = 0; at < looked; at++) {
    if (units.script[at] !== latin || units.piece[at] !== units.piece[0]) continue;
    const length = units.end[at]! - units.start[at]!;
    inLatin += length;
    if (length >= UNBROKEN) unbroken += length;
  }
  if (inLatin < LEAST_LETTERS) return null;
  if (unbroken > inLatin / 2)
    return {
      type: 'gibberish',
      confidence: 0.8,
      say: () => findingWords.line('unbroken'),
    };
  const { letters, inRuns, entropy } = letterFacts(text);
  if (letters < LEAST_LETTERS) return null;
  if (entropy < 2) return { type: 'gibberish', confidence: 0.8, say: () => findingWords.line('few_letters') };
  if (inRuns <= letters * IN_RUNS) return null;
  return {
    type: 'gibberish',
    confidence: 0.75,
    say: () => findingWords.line('consonants', { percent: percent(inRuns / letters), run: RUN }),
  };
}

const counts = new Uint32Array(128);

/** Of the first 600 characters; entropy of single letters in bits (English: about 4.1). */
function letterFacts(text: string): { letters: number; inRuns: number; entropy: number } {
  counts.fill(0);
  let letters = 0;
  let inRuns = 0;
  let run = 0;
  const length = Math.min(text.length, SAMPLE);
  for (let at = 0; at <= length; at++) {
    const code = at < length ? text.charCodeAt(at) : 0;
    const lower = code >= 65 && code <= 90 ? code | 32 : code;
    const isLetter = (lower >= 97 && lower <= 122) || (lower >= 0xc0 && lower < 0x250);
    if (isLetter) {
      letters++;
      counts[lower & 127]!++;
    }
    if (isLetter && !vowels.has(lower)) run++;
    else {
      if (run >= RUN) inRuns += run;
      run = 0;
    }
  }
  let entropy = 0;
  for (const count of counts) if (count > 0) entropy -= (count / letters) * Math.log2(count / letters);
  return { letters, inRuns, entropy };
}

const percent = (share: number): number => Math.round(share * 100);
