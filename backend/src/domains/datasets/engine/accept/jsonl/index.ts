import { eachBlock } from '../blocks.ts';
import { Refused } from '../issues.ts';
import { createRowsWriter } from '../rows/writer.ts';
import { noteWords, words } from '../sentences.ts';
import type { TextFile } from '../text.ts';
import { checkRows, checkType, type Accepted, type Work } from '../work.ts';
import type { JsonColumn } from './columns.ts';
import { createLineReader } from './lines.ts';
import { compactJson, unescapeText } from './unescape.ts';

/** Reads all lines twice: how a column is stored is known only when all its values were seen. */
export async function acceptJsonl(work: Work, text: TextFile): Promise<Accepted> {
  const { input, issues, progress } = work;
  const { limits } = input;
  const reader = createLineReader({
    text,
    limits,
    onBad: (line, flaw) => issues.add({ line, column: null, ...flaw }),
  });
  await eachBlock(
    text.local,
    { from: text.skip, limit: limits.line + 2, onRead: (read) => progress('reading', (0.4 * read) / text.size) },
    (block) => {
      const used = reader.take(block);
      if (reader.names.length > limits.columns)
        issues.refuse({
          line: reader.line,
          ...words.tell('too_many_keys', { most: limits.columns }),
        });
      return used;
    },
  );
  checkRows(work, reader.rows, reader.badRows);
  const columns = reader.columns();
  if (columns.length === 0) issues.refuse(words.tell('keys_none'));
  if (input.type !== null) {
    checkType(issues, input.type, reader.names, null);
    if (issues.count > reader.badRows) throw new Refused();
  }
  const { rows, nulls } = await write(work, text, columns);
  if (rows !== reader.rows) throw new Error(`${rows} rows were written of ${reader.rows}.`);
  const { blank, badRows } = reader;
  return {
    rows,
    badRows,
    columns: columns.map(({ name, type }, at) => ({ name, type, nullable: nulls[at]! > 0 })),
    dialect: null,
    notes: [
      ...(blank > 0 ? [noteWords.line('blank_lines', { lines: blank })] : []),
      ...(badRows > 0 ? [noteWords.line('bad_lines', { lines: badRows })] : []),
    ],
  };
}

async function write(
  { input, progress }: Work,
  text: TextFile,
  columns: readonly JsonColumn[],
): Promise<{ rows: number; nulls: number[] }> {
  const writer = createRowsWriter({
    path: input.target,
    columns,
    unescape: { text: unescapeText, json: compactJson },
  });
  const reader = createLineReader({ text, limits: input.limits, target: { columns, writer } });
  try {
    await eachBlock(
      text.local,
      {
        from: text.skip,
        limit: input.limits.line + 2,
        onRead: (read) => progress('converting', 0.4 + (0.6 * read) / text.size),
      },
      reader.take,
    );
    return writer.close();
  } finally {
    writer.abandon();
  }
}
