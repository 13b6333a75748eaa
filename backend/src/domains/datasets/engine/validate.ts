import { writeFile } from 'node:fs/promises';
import type { DatasetProfile } from '@llm-ops/contracts';
import type { TaskContext } from '#platform/workers';
import { createPiiScanner } from '../pii/index.ts';
import { conclude } from './conclude.ts';
import { inspectRows } from './content/index.ts';
import { createNames } from './content/names.ts';
import { openDuckDb, threadsBeside } from './duckdb.ts';
import { during, onward } from './during.ts';
import { contentFingerprint, excerptOf, maskedText } from './findings/describe.ts';
import { createFindingSink } from './findings/sink.ts';
import { comparePrevious } from './previous.ts';
import { profile } from './profile.ts';
import { createRowHashes } from './profile/rowHashes.ts';
import { checkRules } from './rules-check.ts';
import type { Progress, ValidateInput, ValidateOutput } from './tasks.ts';

/** Share of the process's memory that DuckDB is opened for; it takes half of that, the rest is for texts and what is remembered of them. */
const DUCKDB_SHARE = 0.55;

/**
 * Looks at everything in a dataset. The findings are in `input.findings` when it answers; the same input makes the same findings. Throws
 * `worker_memory`, `disk_full`, `validation_failed` for a column rule and `pii_rule_invalid` for a rule of one's own that cannot be read.
 */
export async function validate(input: ValidateInput, context: TaskContext): Promise<ValidateOutput> {
  const started = performance.now();
  const { files, facts, rules, keyColumns, pii, benchmarks, previous, scratch, keep, weights, threshold } = input;
  const tell = (stage: string, done: number): void => context.progress({ stage, done } satisfies Progress);
  const scanner = createPiiScanner({ types: pii.types, rules: pii.rules });
  // Also what was not asked for is not shown.
  const masker = createPiiScanner({ types: null, rules: pii.rules });
  // What a server calls a name is known once the rows were read.
  const names = createNames();
  const mask = (value: string): string => names.conceal(maskedText(masker, value));
  const read = [...files, ...(previous?.files ?? []), ...benchmarks.flatMap((each) => each.files)];
  const db = await openDuckDb({
    memoryMb: Math.round(context.memoryMb * DUCKDB_SHARE),
    read: [...new Set(read.map(({ local }) => local))],
    write: [],
    scratch,
    threads: threadsBeside(),
  });
  const sink = createFindingSink({ scratch, keep, settled: settledOf(pii.triaged) });
  try {
    tell('profile', 0);
    const hashes = createRowHashes(db);
    const profiled = await profile(db, files, { mask, hashes, onProgress: (done) => tell('profile', done * 0.08) });
    const checking = { from: 0.08, to: 0.1, tell: onward((done) => tell('profile', done)) };
    const checked = await during(db, checking, () =>
      checkRules(db, files, rules, {
        run: sink.run,
        excerpt: (value) => excerptOf(masker, value),
        fingerprint: (what, parts) => contentFingerprint(pii.key, what, parts),
      }),
    );
    const onProgress = (stage: string, done: number): void => tell(stage, 0.1 + done * 0.78);
    const inspected = await inspectRows({
      db,
      input,
      profile: profiled,
      hashes,
      sink,
      scanner,
      masker,
      names,
      context,
      onProgress,
    });
    tell('contamination', 0.88);
    await sink.finish(input.findings, names.conceal);
    const shown = withoutNames(profiled, names.conceal);
    await writeFile(input.columns, shown.columns.map((column) => `${JSON.stringify(column)}\n`).join(''));
    tell('drift', 0.9);
    const against = { files, keyColumns, mask, onProgress: (done: number) => tell('drift', 0.9 + done * 0.07) };
    const compared = previous === null ? null : await comparePrevious(db, { ...against, previous: previous.files });
    tell('score', 0.97);
    const counts = sink.counts();
    const { certainFaults: _, notes: __, ...found } = inspected;
    return {
      rows: profiled.rows,
      profile: { rows: shown.rows, duplicate_rows: shown.duplicate_rows },
      counts,
      ...found,
      diff: compared?.diff ?? null,
      drift: compared?.drift ?? null,
      drifted: compared?.drifted ?? null,
      ...conclude({ profile: shown, files: facts, checked, inspected, compared, counts, weights, threshold }),
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await sink.close();
    db.close();
  }
}

/** The values of its columns were told before anybody knew what is a name. */
const withoutNames = (profile: DatasetProfile, conceal: (text: string) => string): DatasetProfile => ({
  ...profile,
  columns: profile.columns.map((column) => ({
    ...column,
    values: column.values.map(({ value, count }) => ({ value: conceal(value), count })),
  })),
});

/** What people found to be harmless. */
const settledOf = (triaged: ValidateInput['pii']['triaged']): ReadonlySet<string> =>
  new Set(Object.keys(triaged).filter((each) => triaged[each] === 'accepted' || triaged[each] === 'false_positive'));
