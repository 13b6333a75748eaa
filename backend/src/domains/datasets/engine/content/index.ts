import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DatasetProfile } from '@llm-ops/contracts';
import type { TaskContext } from '#platform/workers';
import type { PiiScanner } from '../../pii/index.ts';
import type { DuckDb } from '../duckdb.ts';
import { findExactDuplicates } from '../duplicates/exact.ts';
import { createNearIndex, type NearIndex } from '../duplicates/near.ts';
import type { FindingSink } from '../findings/sink.ts';
import type { RowHashes } from '../profile/rowHashes.ts';
import { openRelation } from '../relation.ts';
import { words, type Note } from '../sentences.ts';
import type { ValidateInput, ValidateOutput } from '../tasks.ts';
import { createTokenCounter } from '../tokens/counter.ts';
import { readBenchmarks } from './benchmarks.ts';
import { planFiles } from './columns.ts';
import { tellNearDuplicates } from './near.ts';
import type { Names } from './names.ts';
import { createNamedEntities } from './ner.ts';
import { readContent } from './pass.ts';
import { createRowChecks } from './row.ts';
import { createTell } from './teller.ts';

/** share of the process's memory for what near duplicates are found by */
const NEAR_SHARE = 0.4;

export interface InspectOptions {
  db: DuckDb;
  input: ValidateInput;
  profile: DatasetProfile;
  /** that the profile filled */
  hashes: RowHashes;
  sink: FindingSink;
  /** for what is asked for */
  scanner: PiiScanner;
  /** for everything: what is shown is masked by it */
  masker: PiiScanner;
  /** filled with what a server names */
  names: Names;
  context: Pick<TaskContext, 'ask' | 'memoryMb'>;
  /** prompts that are remembered; default: eight million */
  prompts?: number;
  /** share of all that is done here */
  onProgress(stage: 'duplicates' | 'content', done: number): void;
}

export interface Inspected extends Pick<
  ValidateOutput,
  'ner' | 'duplicates' | 'contamination' | 'tokens' | 'languages'
> {
  /** faults of examples that are certain */
  certainFaults: number;
  /** what was not looked at in full, for a person */
  notes: Note[];
}

/** Duplicates, personal data, faults of examples, languages, contamination and odd texts: all that reads the rows themselves. */
export async function inspectRows(options: InspectOptions): Promise<Inspected> {
  const { input, context } = options;
  const near = createNearIndex({
    texts: input.files.reduce((sum, { rows }) => sum + rows, 0),
    bytes: context.memoryMb * 2 ** 20 * NEAR_SHARE,
    path: path.join(input.scratch, 'sketches'),
  });
  try {
    return await inspectWith(near, options);
  } finally {
    near.close();
  }
}

async function inspectWith(near: NearIndex, options: InspectOptions): Promise<Inspected> {
  const { db, input, profile, hashes, sink, scanner, masker, names, context, onProgress } = options;
  const { files, pii, benchmarks } = input;
  onProgress('duplicates', 0);
  const exact = await findExactDuplicates(db, await openRelation(db, files), {
    hashes,
    keep: input.keep,
    onProgress: (done) => onProgress('duplicates', done * 0.1),
  });
  onProgress('content', 0.1);
  const plans = await planFiles(db, files, input.type);
  const contamination = await readBenchmarks(db, benchmarks);
  const ner = createNamedEntities({ on: pii.ner, ask: context.ask });
  const tell = createTell({ scanner: masker, key: pii.key });
  const tokens = await tokensOf(input.tokenizer);
  const checks = createRowChecks({
    tell,
    files,
    exact,
    near,
    benchmarks,
    contamination,
    tokens,
    prompts: options.prompts,
  });
  await readContent({
    db,
    plans,
    profile,
    sink,
    scanner,
    key: pii.key,
    ner,
    names,
    tell,
    checks,
    onProgress: (done) => onProgress('content', 0.15 + done * 0.75),
  });
  const { certainFaults, leftOut, prompts, languages, ...counted } = checks.results();
  const similar = await tellNearDuplicates({
    db,
    plans,
    files,
    index: near,
    sink,
    tell,
    threshold: input.nearThreshold,
    candidates: near.candidates(input.nearThreshold),
    onProgress: (done) => onProgress('content', 0.9 + done * 0.1),
  });
  const overlaps = contamination?.totals() ?? [];
  return {
    ner: ner.state,
    duplicates: { exact: exact.rows.size, near: similar },
    contamination: overlaps.map(({ items, rows }, at) => {
      const { id, name } = benchmarks[at]!;
      return { benchmark_id: id, name, items, rows };
    }),
    tokens:
      tokens === null
        ? null
        : {
            total: counted.tokens,
            longest: counted.longest,
            over_limit: counted.overLimit,
            limit: tokens.limit,
          },
    languages,
    certainFaults,
    notes: [
      ...(leftOut > 0 ? [words.tell('near_left_out', { looked: near.count, left: leftOut })] : []),
      ...(prompts.leftOut > 0
        ? [words.tell('prompts_left_out', { looked: prompts.remembered, left: prompts.leftOut })]
        : []),
      ...overlaps.flatMap(({ sampled, tooShort }, at) => notesOf(benchmarks[at]!.name, sampled, tooShort)),
    ],
  };
}

async function tokensOf(tokenizer: ValidateInput['tokenizer']) {
  if (tokenizer === null) return null;
  const { json, config, maxTokens } = tokenizer;
  const read = (file: string): Promise<string> => readFile(file, 'utf8');
  const counter = createTokenCounter({ json: await read(json), config: config === null ? null : await read(config) });
  return { counter, limit: maxTokens };
}

const notesOf = (name: string, sampled: number, tooShort: number): Note[] => [
  ...(sampled > 1 ? [words.tell('benchmark_sampled', { name, sampled })] : []),
  ...(tooShort > 0 ? [words.tell('benchmark_short', { items: tooShort, name })] : []),
];
