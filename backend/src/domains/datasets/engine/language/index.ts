import { scripts, type Script } from '../text/characters.ts';
import { createUnits, type Units } from '../text/units.ts';
import { profiles } from './profiles.ts';

/** units that are looked at: the language of a text does not change that often */
const LOOKED_AT = 128;
const UNKNOWN = 'und';

const byScript: Partial<Record<Script, string>> = {
  hangul: 'ko',
  greek: 'el',
  hebrew: 'he',
  devanagari: 'hi',
  bengali: 'bn',
  tamil: 'ta',
  telugu: 'te',
  thai: 'th',
  lao: 'lo',
  khmer: 'km',
  myanmar: 'my',
  georgian: 'ka',
  armenian: 'hy',
};
/** Letters that one of the languages has for itself, or with few others. */
const signs: [RegExp, string, number][] = [
  [/ß/, 'de', 3],
  [/[äöü]/, 'de', 0.5],
  [/[ñ¿¡]/, 'es', 3],
  [/[ãõ]/, 'pt', 3],
  [/ç[ao]/, 'pt', 1],
  [/[œùêîû]|[cdjlnqst]['’][aeéèêhiou]/, 'fr', 1],
  [/[łąężźśćń]/, 'pl', 3],
  [/[ğışİ]/, 'tr', 2],
  [/[ơưđạảấầẩẫậắằẳẵặẹẻẽềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]/, 'vi', 3],
  [/å/, 'sv', 2],
  [/[àèéìòù](?= |$|[.,;!?])/, 'it', 0.5],
  [/[іїєґ]/, 'uk', 3],
  [/[ыэё]/, 'ru', 2],
  [/ъ[а-я]/, 'bg', 1],
  [/[پچژگ]/, 'fa', 1],
  [/[ٹڈڑےںہ]/, 'ur', 2],
  [/[ةىأإ]/, 'ar', 1],
];

/** Codes of ISO 639-1, `und` where nothing is certain. */
export interface Languages {
  /** Of a text that is also read in `units`; `text` is looked at only where its words do not tell. */
  of(units: Units, text: string): string;
}

export function createLanguages(): Languages {
  const codes = Object.keys(profiles);
  const words = wordTable(codes);
  const threes = new Map<string, number[]>();
  codes.forEach((code, index) => {
    for (const three of profiles[code]!.threes.split(' ')) threes.set(three, [...(threes.get(three) ?? []), index]);
  });
  const inScript = codes.map((code) => scripts.indexOf(profiles[code]!.script));
  const counts = new Uint32Array(scripts.length);
  const scores = new Float64Array(codes.length);

  function of(units: Units, text: string): string {
    const looked = Math.min(units.count, LOOKED_AT);
    counts.fill(0);
    for (let at = 0; at < looked; at++) counts[units.script[at]!]! += units.weight[at]!;
    const [hangul, han, kana] = [countOf('hangul'), countOf('han'), countOf('kana')];
    // Letters of one's own script say more than names and terms in Latin ones.
    const main = mainScript();
    if (main === null) return UNKNOWN;
    if (main === 'han' || main === 'kana') return kana * 12 > han + kana ? 'ja' : hangul > han ? 'ko' : 'zh';
    return byScript[main] ?? (profilesOf(main) ? byWords(units, looked, text, main) : UNKNOWN);
  }

  const countOf = (script: Script): number => counts[scripts.indexOf(script)]!;

  function mainScript(): Script | null {
    let best: Script | null = null;
    let most = 0;
    for (const script of scripts) {
      if (script === 'none' || script === 'digit' || script === 'other') continue;
      const count = countOf(script) + (script === 'kana' ? countOf('han') : 0);
      // Han in a text of Kana is Japanese; alone it is counted as Han.
      if (script === 'kana' && countOf('kana') === 0) continue;
      if (count > most) [best, most] = [script, count];
    }
    return best;
  }

  const profilesOf = (script: Script): boolean => script === 'latin' || script === 'cyrillic' || script === 'arabic';

  function byWords(units: Units, looked: number, text: string, script: Script): string {
    scores.fill(0);
    let total = 0;
    for (let at = 0; at < looked; at++) {
      if (units.weight[at] !== 2) continue;
      total++;
      const mask = words.find(units.hash[at]!);
      if (mask !== 0) credit(mask, script);
    }
    let { best, second } = ranked();
    const scarce = scores[best]! < Math.max(1.5, total / 25) || scores[best]! - scores[second]! < scores[best]! / 4;
    if (scarce) {
      addLetters(text.slice(0, 400).toLowerCase(), script);
      ({ best, second } = ranked());
    }
    if (scores[best]! < 0.5 || scores[best] === scores[second]) return script === 'arabic' ? 'ar' : UNKNOWN;
    return codes[best]!;
  }

  /** A word of many languages says little about each. */
  function credit(mask: number, script: Script): void {
    const which = scripts.indexOf(script);
    let sharers = 0;
    for (let rest = mask; rest !== 0; rest &= rest - 1) sharers++;
    for (let index = 0; index < codes.length; index++)
      if ((mask & (1 << index)) !== 0 && inScript[index] === which) scores[index]! += 1 / sharers;
  }

  function addLetters(sample: string, script: Script): void {
    const which = scripts.indexOf(script);
    for (let at = 0; at + 3 <= sample.length; at++)
      for (const index of threes.get(sample.slice(at, at + 3)) ?? [])
        if (inScript[index] === which) scores[index]! += 0.3 / threes.get(sample.slice(at, at + 3))!.length;
    for (const [letters, code, weight] of signs) {
      const index = codes.indexOf(code);
      if (inScript[index] === which && letters.test(sample)) scores[index]! += weight;
    }
  }

  function ranked(): { best: number; second: number } {
    let best = 0;
    let second = 1;
    if (scores[1]! > scores[0]!) [best, second] = [1, 0];
    for (let index = 2; index < scores.length; index++) {
      if (scores[index]! > scores[best]!) [best, second] = [index, best];
      else if (scores[index]! > scores[second]!) second = index;
    }
    return { best, second };
  }

  return { of };
}

/** Languages of a word, by its hash: a bit for each. */
function wordTable(codes: readonly string[]): { find(hash: number): number } {
  const units = createUnits(4096);
  const masks = new Map<number, number>();
  codes.forEach((code, index) => {
    units.clear();
    units.add(profiles[code]!.words, 0);
    for (let at = 0; at < units.count; at++)
      masks.set(units.hash[at]!, (masks.get(units.hash[at]!) ?? 0) | (1 << index));
  });
  let size = 1;
  while (size < masks.size * 4) size *= 2;
  const keys = new Uint32Array(size);
  const values = new Int32Array(size);
  const place = (hash: number): number => {
    let at = hash & (size - 1);
    while (values[at] !== 0 && keys[at] !== hash) at = (at + 1) & (size - 1);
    return at;
  };
  for (const [hash, mask] of masks) {
    const at = place(hash);
    keys[at] = hash;
    values[at] = mask;
  }
  return { find: (hash) => values[place(hash)]! };
}
