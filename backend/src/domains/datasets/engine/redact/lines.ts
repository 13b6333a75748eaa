import type { DatasetFormat } from '@llm-ops/contracts';
import { createSink } from '../accept/sink.ts';
import { finiteJson, isNested } from '../cells.ts';
import { csvLine } from '../export/csv.ts';
import type { Block } from './blocks.ts';
import type { RedactColumn } from './columns.ts';

/** Writes rows as lines of text. */
export interface LineWriter {
  write(before: Block, redacted: readonly (readonly (string | null)[])[]): void;
  close(): void;
  abandon(): void;
}

/** RFC 4180, or one JSON object a line. */
export function createLineWriter(
  target: string,
  format: Exclude<DatasetFormat, 'parquet'>,
  columns: readonly RedactColumn[],
): LineWriter {
  const sink = createSink(target);
  if (format === 'csv') sink.put(Buffer.from(csvLine(columns.map(({ name }) => name))));
  const members = columns.map(({ name }, at) => `${at === 0 ? '' : ','}${JSON.stringify(name)}:`);
  const fractions = columns.map(({ physical }) => isNested(physical) && /FLOAT|DOUBLE/.test(physical));

  /** A value as it stood, or what came in its place as a string. */
  function token(at: number, before: string | null, after: string | null): string {
    if (after === null) return 'null';
    const { token: isToken, look } = columns[at]!;
    if (!isToken || (look === 'text' && after !== before)) return JSON.stringify(after);
    return fractions[at] ? finiteJson(after) : after;
  }

  return {
    write({ rows, cells }, redacted) {
      for (let row = 0; row < rows; row++) {
        if (format === 'csv') {
          const line = csvLine(redacted.map((column) => column[row]!));
          // a line without anything would be passed over
          sink.put(Buffer.from(line === '\r\n' ? '""\r\n' : line));
          continue;
        }
        let line = '{';
        for (let at = 0; at < columns.length; at++)
          line += members[at]! + token(at, cells[at]![row]!, redacted[at]![row]!);
        sink.put(Buffer.from(`${line}}\n`));
      }
    },
    close: sink.close,
    abandon: sink.abandon,
  };
}
