import type { TaskContext } from '#platform/workers';

interface Entity {
  index: number;
  type: string;
  start: number;
  end: number;
  confidence: number;
}
export interface Named {
  cell: number;
  type: string;
  start: number;
  end: number;
  confidence: number;
}

/** of one request: characters and texts */
const BATCH = 64_000;
const TEXTS = 64;
/** Longer texts are asked about in parts, which overlap a little so that no name is cut. */
const PART = 20_000;
const OVERLAP = 200;

/** Asks the parent process for names and places. One refusal ends the asking: the validation goes on without. */
export interface NamedEntities {
  readonly state: 'off' | 'used' | 'unreachable';
  /** In the order of cells and places. */
  find(cells: readonly (string | null)[]): Promise<Named[]>;
}

export function createNamedEntities(options: { on: boolean; ask: TaskContext['ask'] }): NamedEntities {
  let state: NamedEntities['state'] = options.on ? 'used' : 'off';

  async function askAbout(parts: { cell: number; from: number; text: string }[], found: Named[]): Promise<void> {
    const texts = parts.map(({ text }) => text);
    const entities = await options.ask<Entity[]>('ner', { texts });
    for (const { index, type, start, end, confidence } of entities) {
      const part = parts[index];
      if (part === undefined || start < 0 || end > part.text.length || start >= end) continue;
      found.push({ cell: part.cell, type, start: part.from + start, end: part.from + end, confidence });
    }
  }

  return {
    get state() {
      return state;
    },
    async find(cells) {
      if (state !== 'used') return [];
      const found: Named[] = [];
      try {
        let parts: { cell: number; from: number; text: string }[] = [];
        let size = 0;
        for (const [cell, text] of cells.entries()) {
          if (text === null || !/\p{L}/u.test(text)) continue;
          for (let from = 0; from < text.length; from += PART - OVERLAP) {
            parts.push({ cell, from, text: text.slice(from, from + PART) });
            size += Math.min(PART, text.length - from);
            if (size < BATCH && parts.length < TEXTS) continue;
            await askAbout(parts, found);
            [parts, size] = [[], 0];
          }
        }
        if (parts.length > 0) await askAbout(parts, found);
      } catch {
        // Whoever is asked tells why in the server's log.
        state = 'unreachable';
        return [];
      }
      return distinct(found);
    },
  };
}

/** What two parts both have is told once. */
function distinct(found: Named[]): Named[] {
  found.sort((a, b) => a.cell - b.cell || a.start - b.start || b.end - a.end);
  return found.filter((each, at) => {
    const before = found[at - 1];
    return (
      before === undefined || before.cell !== each.cell || before.start !== each.start || before.type !== each.type
    );
  });
}
