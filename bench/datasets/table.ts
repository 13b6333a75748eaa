import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { createRandom } from './random.ts';

/** What was planted in a file; a profile has to report exactly this. */
export interface PlantedTable {
  rows: number;
  /** rows beyond the first of their kind */
  duplicates: number;
  /** `distinct`: where there are few */
  columns: Record<string, { missing: number; distinct: number | null; outliers: number }>;
}

const names = [
  'id',
  'category',
  'language',
  'split',
  'created',
  'reviewed',
  'age',
  'score',
  'price',
  'instruction',
  'response',
] as const;
type Name = (typeof names)[number];
type Cells = Record<Name, string | number | boolean | null>;
interface Row {
  cells: Cells;
  outliers: Name[];
}

const categories = ['billing', 'delivery', 'account', 'returns', 'technical', 'feedback', 'sales', 'other'];
const languages = ['en', 'ko', 'de', 'fr', 'es'];
const splits = ['train', 'train', 'train', 'validation', 'test'];
const shares = {
  duplicates: 0.02,
  ageMissing: 0.05,
  priceMissing: 0.03,
  responseMissing: 0.01,
  scoreFar: 0.0005,
  priceFar: 0.0003,
  instructionLong: 0.0002,
} as const;
/** rows that may be repeated */
const kept = 5000;

/**
 * Writes rows of a set for supervised fine-tuning with labels, dates, numbers and texts (some with commas, quotes, line breaks and Korean) until
 * the file has about `bytes`. Planted: duplicates, missing values, far numbers, very long instructions. Other numbers are means of bounded
 * draws, and other texts have bounded lengths, so that nothing else lies beyond 3 interquartile ranges.
 */
export async function generateTable(options: {
  path: string;
  format: 'csv' | 'jsonl';
  bytes: number;
}): Promise<PlantedTable> {
  const { path, format, bytes } = options;
  const random = createRandom(5);
  const makeRow = createMaker(random);
  const planted: PlantedTable = {
    rows: 0,
    duplicates: 0,
    columns: Object.fromEntries(
      names.map((name) => [name, { missing: 0, distinct: fewValues[name] ?? null, outliers: 0 }]),
    ),
  };
  const write = format === 'csv' ? csvLine : jsonLine;
  const file = createWriteStream(`${path}.part`);
  const repeatable: Row[] = [];
  let waiting = format === 'csv' ? `${names.join(',')}\n` : '';
  let written = 0;
  for (let number = 0; written < bytes; number++) {
    const again = repeatable.length > 100 && random() < shares.duplicates;
    const row = again ? repeatable[Math.floor(random() * repeatable.length)]! : makeRow(number);
    if (again) planted.duplicates++;
    else if (repeatable.length < kept) repeatable.push(row);
    planted.rows++;
    for (const name of names) if (row.cells[name] === null) planted.columns[name]!.missing++;
    for (const name of row.outliers) planted.columns[name]!.outliers++;
    const line = write(row.cells);
    written += Buffer.byteLength(line);
    waiting += line;
    if (waiting.length > 1 << 20) {
      if (!file.write(waiting)) await once(file, 'drain');
      waiting = '';
    }
  }
  file.end(waiting);
  await once(file, 'close');
  await rename(`${path}.part`, path);
  return planted;
}

const fewValues: Partial<Record<Name, number>> = {
  category: categories.length,
  language: languages.length,
  split: new Set(splits).size,
  reviewed: 2,
};

function createMaker(random: () => number): (number: number) => Row {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const words = vocabulary(pick, random);
  const text = (least: number, most: number): string => {
    const count = least + Math.floor(random() * (most - least + 1));
    let said = '';
    for (let at = 0; at < count; at++) {
      const draw = random();
      // frequent words come first
      said += `${at === 0 ? '' : draw < 0.06 ? ', ' : ' '}${words[Math.floor(draw * draw * words.length)]}`;
    }
    return said;
  };
  /** bell-shaped between 0 and 1 */
  const bell = (): number => (random() + random() + random()) / 3;
  const absent = (share: number): boolean => random() < share;
  return (number) => {
    const outliers: Name[] = [];
    const far = (name: Name, share: number): boolean => {
      const chosen = random() < share;
      if (chosen) outliers.push(name);
      return chosen;
    };
    const day = new Date(Date.UTC(2024, 0, 1 + Math.floor(random() * 700)));
    return {
      outliers,
      cells: {
        id: number,
        category: pick(categories),
        language: pick(languages),
        split: pick(splits),
        created: day.toISOString().slice(0, 10),
        reviewed: random() < 0.5,
        age: absent(shares.ageMissing) ? null : 18 + Math.floor(bell() * 70),
        score: far('score', shares.scoreFar) ? 50 + Math.floor(random() * 100) : Math.round(bell() * 1e6) / 1e6,
        price: absent(shares.priceMissing)
          ? null
          : far('price', shares.priceFar)
            ? 1e6
            : Math.round(bell() * 1e4) / 100,
        instruction: far('instruction', shares.instructionLong)
          ? text(700, 800)
          : `${text(5, 14)}?${random() < 0.05 ? ' 안녕하세요' : ''}`,
        response: absent(shares.responseMissing)
          ? null
          : `${text(15, 45)}.${random() < 0.05 ? `\nSee "${pick(words)}".` : ''}`,
      },
    };
  };
}

function vocabulary(pick: (list: readonly string[]) => string, random: () => number): string[] {
  const syllables = 'ba ce di fo gu la me ni po ru sa te vi wo zu kan ler min sor tal'.split(' ');
  return Array.from({ length: 4000 }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(syllables)).join(''),
  );
}

const csvCell = (value: Cells[Name]): string => {
  if (value === null) return '';
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
const csvLine = (cells: Cells): string => `${names.map((name) => csvCell(cells[name])).join(',')}\n`;
const jsonLine = (cells: Cells): string => `${JSON.stringify(cells)}\n`;
