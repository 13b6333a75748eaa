import { sketchSize } from './sketch.ts';

/** of pairs that are just as similar as the threshold: how many become candidates at least */
const RECALL = 0.99;
const MAX_ROWS = 16;

/**
 * How the places of a sketch are put in bands: two texts are compared when one band is equal, which happens with probability
 * 1 - (1 - J^rows)^bands. As many rows as the recall allows, so that few are compared in vain.
 */
export function bandsFor(threshold: number): { bands: number; rows: number } {
  for (let rows = MAX_ROWS; rows > 2; rows--) {
    const bands = Math.floor(sketchSize / rows);
    if (1 - (1 - threshold ** rows) ** bands >= RECALL) return { bands, rows };
  }
  return { bands: sketchSize / 2, rows: 2 };
}
