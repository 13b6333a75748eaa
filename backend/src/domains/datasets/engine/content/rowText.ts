import { gramWeight, type Contamination } from '../contamination/index.ts';
import { createDistinct } from '../text/distinct.ts';
import { createUnits, unitCapacity, type Units } from '../text/units.ts';
import { createWindows, type Windows } from '../text/windows.ts';
import type { Pieces } from './pieces.ts';

/** 5 words, or 10 characters of scripts without spaces. */
export const shingleWeight = 10;

/** Reads a row's texts as units, piece by piece; of very long ones the first 65,536 say what they are like. */
export interface RowText {
  readonly units: Units;
  readonly windows: Windows;
  /** Distinct shingles of the row's own texts, after `read`; good until the next one. */
  readonly members: Uint32Array;
  readonly distinct: number;
  /** shingles, repeated ones among them */
  readonly shingles: number;
  /**
   * Reads the row. `begun` is called once, while the first units are there; `contamination` sees all of them.
   * @param only its own texts: those that it shares by design are not read
   */
  read(pieces: Pieces, options: { only?: boolean; begun?: () => void; contamination?: Contamination | null }): void;
}

export function createRowText(): RowText {
  const units = createUnits();
  const windows = createWindows(unitCapacity);
  const distinctOf = createDistinct(unitCapacity);
  const members = new Uint32Array(unitCapacity);
  let distinct = 0;
  let shingles = 0;

  function begin(own: number): void {
    windows.read(units, shingleWeight, own);
    shingles = windows.count;
    distinct = distinctOf(windows.hash, shingles, members);
  }

  return {
    units,
    windows,
    members,
    get distinct() {
      return distinct;
    },
    get shingles() {
      return shingles;
    },
    read(pieces, { only = false, begun, contamination = null }) {
      units.clear();
      let isFirst = true;
      let own = -1;
      const look = (): void => {
        if (isFirst) {
          begin(own === -1 ? units.count : own);
          begun?.();
        }
        isFirst = false;
        contamination?.look(units, windows);
      };
      const count = only ? pieces.own : pieces.count;
      for (let index = 0; index < count; index++) {
        if (index === pieces.own && isFirst) own = units.count;
        let { text, at } = units.add(pieces.text(index), index);
        while (at < text.length) {
          look();
          if (contamination === null) return;
          units.keep(gramWeight);
          ({ text, at } = units.add(text, index, at));
        }
      }
      look();
    },
  };
}
