import path from 'node:path';
import type { RedactionMethod } from '@llm-ops/contracts';
import type { TaskContext } from '#platform/workers';
import { createPiiScanner, createRedactor, type Redactor } from '../pii/index.ts';
import { createNamedEntities, type NamedEntities } from './content/ner.ts';
import { openDuckDb } from './duckdb.ts';
import { redactBlock } from './redact/block.ts';
import { readBlocks } from './redact/blocks.ts';
import { redactColumns } from './redact/columns.ts';
import { createLineWriter } from './redact/lines.ts';
import { createPatch, writePatched } from './redact/parquet.ts';
import type { Progress, RedactInput, RedactOutput } from './tasks.ts';

/** What is done with a file. */
interface Job {
  redactor: Redactor;
  ner: NamedEntities;
  memoryMb: number;
  /** of this file */
  onRows(rows: number): void;
}

/**
 * Writes each file again without its personal data: what a validation finds in it is replaced, unless it was judged false or accepted before.
 * Columns and rows stay in their order, and everything else as it is. Throws `dataset_engine_failed` when names should go and the server
 * that finds them does not answer.
 */
export async function redact(input: RedactInput, context: TaskContext): Promise<RedactOutput> {
  const { files, pii, method, methods } = input;
  const counts = new Map<string, number>();
  const redactor = createRedactor({
    scanner: createPiiScanner({ types: pii.types, rules: pii.rules }),
    key: pii.key,
    methodOf: (type): RedactionMethod => methods[type] ?? method,
    spared: sparedOf(pii.triaged),
    replaced: (type) => void counts.set(type, (counts.get(type) ?? 0) + 1),
  });
  const ner = createNamedEntities({ on: pii.ner, ask: context.ask });
  const total = files.reduce((sum, { rows }) => sum + rows, 0);
  let done = 0;
  const onRows = (rows: number): void => {
    done += rows;
    context.progress({ stage: 'redacting', done: total === 0 ? 1 : done / total } satisfies Progress);
  };
  for (const index of files.keys())
    await redactFile(input, index, { redactor, ner, memoryMb: context.memoryMb, onRows });
  const replaced = [...counts].map(([type, count]) => ({ type, count })).sort((a, b) => b.count - a.count);
  return { rows: total, replaced };
}

/** What people found to be harmless. */
const sparedOf = (triaged: RedactInput['pii']['triaged']): ReadonlySet<string> =>
  new Set(Object.keys(triaged).filter((each) => triaged[each] === 'accepted' || triaged[each] === 'false_positive'));

async function redactFile(input: RedactInput, index: number, job: Job): Promise<void> {
  const [file, target, format] = [input.files[index]!, input.targets[index]!, input.formats[index]!];
  const patchPath = path.join(input.scratch, `patch-${index}.jsonl`);
  const db = await openDuckDb({
    memoryMb: job.memoryMb / 2,
    read: [file.local],
    write: [target, patchPath],
    scratch: input.scratch,
    // So rows come in their order.
    threads: 1,
  });
  try {
    const columns = await redactColumns(db, file, format);
    const patch = format === 'parquet' ? createPatch(patchPath, columns) : null;
    const writer = patch ?? createLineWriter(target, format as Exclude<typeof format, 'parquet'>, columns);
    try {
      for await (const block of readBlocks(db, file, columns)) {
        writer.write(block, await redactBlock(block, columns, job));
        job.onRows(block.rows);
      }
      writer.close();
    } finally {
      writer.abandon();
    }
    if (patch !== null) await writePatched(db, { file, columns, target, patch, path: patchPath });
  } finally {
    db.close();
  }
}
