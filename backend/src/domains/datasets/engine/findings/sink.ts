import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { FindingKind } from '@llm-ops/contracts';
import type { FoundLine, ValidateOutput } from '../tasks.ts';

/** What one pass over the rows finds, in the order of files and rows. */
export interface FindingRun {
  /** `fileIndex` is that of the dataset's files. The line is made only when it is needed: to be kept, or to be looked up. */
  add(kind: FindingKind, type: string, fileIndex: number, row: number, line: () => FoundLine): void;
  /** Writes what waits; to be called now and then. */
  flush(): Promise<void>;
}

export interface FindingSink {
  run(): FindingRun;
  count(kind: FindingKind): number;
  counts(): ValidateOutput['counts'];
  /** Joins the runs in one file, one JSON object a line, in the order of files and rows. Excerpts go through `conceal`. */
  finish(target: string, conceal: (excerpt: string) => string): Promise<void>;
  close(): Promise<void>;
}

interface Tally {
  kind: FindingKind;
  type: string;
  count: number;
  open: number;
}
interface Run {
  path: string;
  handle: FileHandle | null;
  waiting: string[];
  kept: Map<string, number>;
}

const keyOf = (kind: string, type: string): string => `${kind} ${type}`;

/**
 * Counts all findings and keeps the first ones of each kind and type: `keep` of those that are open, and as many of those that people found to
 * be harmless before (`settled`, by fingerprint), so that whoever judges what is listed is shown the next ones by the next validation. Each pass
 * has a file of its own: whatever is found, little of it is in memory.
 */
export function createFindingSink(options: {
  scratch: string;
  keep: number;
  settled: ReadonlySet<string>;
}): FindingSink {
  const { scratch, keep, settled } = options;
  const tallies = new Map<string, Tally>();
  const runs: Run[] = [];

  function tallyOf(kind: FindingKind, type: string): Tally {
    const key = keyOf(kind, type);
    let tally = tallies.get(key);
    if (tally === undefined) tallies.set(key, (tally = { kind, type, count: 0, open: 0 }));
    return tally;
  }

  /** What is settled takes no room from what is not. */
  const roomOf = ({ kind, type, fingerprint }: FoundLine): string =>
    settled.has(fingerprint) ? `${keyOf(kind, type)} settled` : keyOf(kind, type);

  function startRun(): FindingRun {
    const run: Run = {
      path: join(scratch, `findings-${runs.length}.jsonl`),
      handle: null,
      waiting: [],
      kept: new Map(),
    };
    runs.push(run);
    return {
      add(kind, type, fileIndex, row, line) {
        const tally = tallyOf(kind, type);
        tally.count++;
        if (settled.size === 0 && (run.kept.get(keyOf(kind, type)) ?? 0) >= keep) {
          tally.open++;
          return;
        }
        const made = line();
        if (!settled.has(made.fingerprint)) tally.open++;
        const key = roomOf(made);
        const kept = run.kept.get(key) ?? 0;
        if (kept >= keep) return;
        run.kept.set(key, kept + 1);
        run.waiting.push(`${fileIndex} ${row} ${JSON.stringify(made)}\n`);
      },
      async flush() {
        if (run.waiting.length === 0) return;
        run.handle ??= await open(run.path, 'w');
        await run.handle.appendFile(run.waiting.join(''));
        run.waiting = [];
      },
    };
  }

  return {
    run: startRun,
    count: (kind) => tallies.values().reduce((sum, tally) => sum + (tally.kind === kind ? tally.count : 0), 0),
    counts: () =>
      [...tallies.values()]
        .map((tally) => ({ ...tally, kept: Math.min(tally.open, keep) + Math.min(tally.count - tally.open, keep) }))
        .toSorted((a, b) => (keyOf(a.kind, a.type) < keyOf(b.kind, b.type) ? -1 : 1)),
    async finish(target, conceal) {
      const written = runs.filter(({ handle }) => handle !== null);
      for (const { handle } of written) await handle!.close();
      for (const run of runs) run.handle = null;
      const left = new Map<string, number>();
      const file = await open(target, 'w');
      try {
        let lines: string[] = [];
        for await (const line of merged(written.map(({ path }) => path))) {
          const found = JSON.parse(line) as FoundLine;
          const { excerpt } = found;
          const room = roomOf(found);
          const kept = left.get(room) ?? 0;
          if (kept >= keep) continue;
          left.set(room, kept + 1);
          const shown = excerpt === null ? null : conceal(excerpt);
          if (lines.push(shown === excerpt ? line : JSON.stringify({ ...found, excerpt: shown })) < 1000) continue;
          await file.appendFile(`${lines.join('\n')}\n`);
          lines = [];
        }
        if (lines.length > 0) await file.appendFile(`${lines.join('\n')}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    async close() {
      for (const run of runs) {
        await run.handle?.close();
        await rm(run.path, { force: true });
      }
    },
  };
}

interface Head {
  file: number;
  row: number;
  line: string;
  more: AsyncIterator<string>;
}

/** Lines of sorted files as one sorted sequence; of equal places those of the earlier file come first. */
async function* merged(paths: readonly string[]): AsyncGenerator<string> {
  const heads: Head[] = [];
  for (const path of paths) {
    const head = await next(linesOf(path));
    if (head !== null) heads.push(head);
  }
  while (heads.length > 0) {
    let least = 0;
    for (let at = 1; at < heads.length; at++) {
      const [a, b] = [heads[at]!, heads[least]!];
      if (a.file < b.file || (a.file === b.file && a.row < b.row)) least = at;
    }
    const { line, more } = heads[least]!;
    yield line;
    const head = await next(more);
    if (head === null) heads.splice(least, 1);
    else heads[least] = head;
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}

async function next(more: AsyncIterator<string>): Promise<Head | null> {
  const { done, value } = await more.next();
  if (done === true) return null;
  const first = value.indexOf(' ');
  const second = value.indexOf(' ', first + 1);
  return {
    file: Number(value.slice(0, first)),
    row: Number(value.slice(first + 1, second)),
    line: value.slice(second + 1),
    more,
  };
}
