import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createRandom } from './random.ts';

/** What two versions differ by; a comparison has to count exactly this. */
export interface PlantedVersions {
  rows: { before: number; after: number };
  keyed: { added: number; removed: number; modified: number; unchanged: number };
  content: { added: number; removed: number; modified: 0; unchanged: number };
  /** cells that differ of rows that both versions have */
  cells: number;
}

const shares = { removed: 0.01, added: 0.012, modified: 0.03, second: 0.3 } as const;
const labels = ['billing', 'delivery', 'account', 'returns', 'technical'];
const words =
  'the order of a customer was late and we sent it again with an apology 주문 배송 환불 안내 "quoted", done'.split(' ');

/** Two versions of a CSV, each of about `bytes`: rows with a key, numbers, a label and two texts; some came, went, or differ in one cell or two. */
export async function generateVersions(options: {
  before: string;
  after: string;
  bytes: number;
}): Promise<PlantedVersions> {
  const random = createRandom(17);
  const int = (below: number): number => Math.floor(random() * below);
  const text = (length: number): string => Array.from({ length }, () => words[int(words.length)]!).join(' ');
  const files = { before: createWriteStream(options.before), after: createWriteStream(options.after) };
  const counts = { added: 0, removed: 0, modified: 0, unchanged: 0, cells: 0 };
  const head = 'id,score,label,question,answer\n';
  await write(files.before, head);
  await write(files.after, head);
  let [before, after] = ['', ''];
  for (let id = 0, written = 0; written < options.bytes; id++) {
    const cells = [
      `k${id}`,
      (random() * 100).toFixed(3),
      labels[int(labels.length)]!,
      text(8 + int(12)),
      text(20 + int(40)),
    ];
    const line = lineOf(cells);
    written += Buffer.byteLength(line);
    const chance = random();
    if (chance < shares.removed) {
      counts.removed++;
      before += line;
    } else if (chance < shares.removed + shares.added) {
      counts.added++;
      after += line;
    } else if (chance < shares.removed + shares.added + shares.modified) {
      counts.modified++;
      const changed = random() < shares.second ? [1, 4] : [1 + int(4)];
      counts.cells += changed.length;
      before += line;
      after += lineOf(cells.map((cell, at) => (changed.includes(at) ? `${cell}1` : cell)));
    } else {
      counts.unchanged++;
      before += line;
      after += line;
    }
    if (before.length + after.length < 1 << 20) continue;
    await write(files.before, before);
    await write(files.after, after);
    [before, after] = ['', ''];
  }
  for (const [file, rest] of [
    [files.before, before],
    [files.after, after],
  ] as const) {
    file.end(rest);
    await once(file, 'close');
  }
  const { cells, ...keyed } = counts;
  const { added, removed, modified, unchanged } = keyed;
  return {
    rows: { before: removed + modified + unchanged, after: added + modified + unchanged },
    keyed,
    // A row that differs is one that went and one that came.
    content: { added: added + modified, removed: removed + modified, modified: 0, unchanged },
    cells,
  };
}

const lineOf = (cells: readonly string[]): string =>
  `${cells.map((cell) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\n`;

async function write(file: WriteStream, text: string): Promise<void> {
  if (!file.write(text)) await once(file, 'drain');
}
