import { open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DatasetFileFacts } from '@llm-ops/contracts';
import type { Sentence } from '#platform/words';
import type { TaskContext } from '#platform/workers';
import type { AcceptInput, AcceptOutput, Progress } from '../tasks.ts';
import { acceptCsv } from './csv/index.ts';
import { createIssues, Refused, type Issues } from './issues.ts';
import { acceptJsonl } from './jsonl/index.ts';
import { contentOf, formatOfName, type Named } from './name.ts';
import { acceptParquet } from './parquet.ts';
import { noteWords, words } from './sentences.ts';
import { openText, type TextFile } from './text.ts';
import { unpack } from './unpack.ts';
import type { Accepted, Work } from './work.ts';

/**
 * Reads a file as a person sent it and writes its rows as Parquet, or says line by line why it cannot be taken. Throws what is not the
 * file's fault: `worker_memory`, `disk_full`.
 */
export async function accept(input: AcceptInput, context: TaskContext): Promise<AcceptOutput> {
  const issues = createIssues(input.file.path);
  try {
    const facts = await read(input, issues, context);
    return { facts, issues: issues.list, issueCount: issues.count };
  } catch (error) {
    await rm(input.target, { force: true });
    if (!(error instanceof Refused)) throw error;
    return { facts: null, issues: issues.list, issueCount: issues.count };
  }
}

async function read(input: AcceptInput, issues: Issues, context: TaskContext): Promise<AcceptOutput['facts']> {
  const { file, scratch, limits } = input;
  const named = formatOfName(file.path);
  if (named === null) return issues.refuse(words.tell('kind_unknown'));
  const { size } = await stat(file.local);
  if (size === 0) issues.refuse(words.tell('file_empty'));
  await checkContent(file.local, named, issues);

  const steps = { unpacking: named.gzip ? 0.3 : 0, decoding: 0.1 };
  const tell = (stage: string, done: number): void => context.progress({ stage, done } satisfies Progress);
  const rest = 1 - steps.unpacking - steps.decoding;
  const work: Work = {
    input,
    issues,
    memoryMb: context.memoryMb,
    progress: (stage, done) => tell(stage, 1 - rest + rest * done),
  };
  const facts = { format: named.format, compression: named.gzip ? ('gzip' as const) : null };
  if (named.format === 'parquet')
    return { ...facts, encoding: 'utf-8', bom: false, ...factsOf(await acceptParquet(work)) };

  let local = file.local;
  if (named.gzip) {
    local = path.join(scratch, 'unpacked');
    const onRead = (done: number): void => tell('unpacking', steps.unpacking * done);
    await unpack(file.local, local, { issues, limit: limits.expanded, onRead });
    await checkContent(local, { ...named, gzip: false }, issues);
  }
  const text = await openText(local, {
    target: path.join(scratch, 'decoded'),
    issues,
    onRead: (done) => tell('decoding', steps.unpacking + steps.decoding * done),
  });
  if (named.gzip && text.local !== local) await rm(local);
  const accepted = await (named.format === 'csv' ? acceptCsv(work, text) : acceptJsonl(work, text));
  return {
    ...facts,
    encoding: text.encoding,
    bom: text.bom,
    ...factsOf(accepted),
    ...told([...encodingNotes(text), ...accepted.notes]),
  };
}

const factsOf = ({ rows, badRows, columns, dialect, notes }: Accepted) => ({
  rows,
  bad_rows: badRows,
  columns,
  dialect,
  ...told(notes),
});

const encodingNotes = ({ encoding }: TextFile): Sentence[] =>
  encoding === 'utf-8' ? [] : [noteWords.line('encoding', { encoding })];

const told = (notes: readonly Sentence[]): Pick<DatasetFileFacts, 'notes' | 'said'> => ({
  notes: notes.map(({ text }) => text),
  said: Object.fromEntries(notes.map(({ code, values }, at) => [`notes.${at}`, { code, ...(values && { values }) }])),
});

/** Does the content agree with the name? */
async function checkContent(local: string, { format, gzip }: Named, issues: Issues): Promise<void> {
  const file = await open(local);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0).finally(() => file.close());
  const content = contentOf(buffer.subarray(0, bytesRead));
  const expected = gzip ? 'gzip' : format === 'parquet' ? 'parquet' : 'text';
  if (content === expected) return;
  if (content !== 'text') issues.refuse(words.tell(`is_${content}`));
  issues.refuse(words.tell(gzip ? 'not_gzip' : 'not_parquet'));
}
