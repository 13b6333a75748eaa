import { cases } from './cases.ts';
import { createDraw } from './draw.ts';
import { marked, readMarked, type Labelled } from './marked.ts';
import { negatives } from './negatives.ts';
import { plain, telling } from './sentences.ts';
import { makers } from './values.ts';

export type { Labelled } from './marked.ts';

const SEED = 20260501;
const GENERATED = 1600;

/** Texts in Korean and English with what is personal in them: written by hand and made with a fixed seed. About four in ten have nothing. */
export function labelledSet(seed = SEED, count = GENERATED): Labelled[] {
  const draw = createDraw(seed);
  const made = Array.from({ length: count }, () => {
    const pieces: string[] = [];
    const values = draw.chance(0.4) ? 0 : draw.chance(0.25) ? 2 : 1;
    for (let at = 0; at < values; at++) {
      const { type, text, needs } = draw.pick(makers)(draw);
      const words = telling[type];
      const sentence = words !== undefined && (needs || draw.chance(0.4)) ? draw.pick(words) : draw.pick(plain);
      pieces.push(sentence.replace('{}', () => marked(type, text)));
    }
    if (values === 0 || draw.chance(0.3)) pieces.push(draw.pick(plain).replace('{}', () => draw.pick(negatives)(draw)));
    return draw.chance(0.5) ? pieces.join(' ') : pieces.toReversed().join('\n');
  });
  return [...cases, ...made].map(readMarked);
}
