/**
 * FR-003c: a whole validation of generated conversations (1 GB of JSON Lines, with a benchmark of 2,000 items) through the real worker processes:
 * conversion to rows, then everything that a validation looks for. Prints time, CPU and peak memory of the process that does it, and how long
 * the event loop of this process, which stands for the server, was held up meanwhile (what it computed, and how late a timer was). What was planted must be counted exactly.
 * Linux only: memory and CPU are read from /proc.
 * Usage: node bench/datasets/validate.ts [--bytes 1e9] [--memory 1024] [--tokenizer] [--keep FOLDER]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createWorkers } from '../../backend/src/platform/workers/index.ts';
import { createLog } from '../../backend/src/platform/log/index.ts';
import type {
  AcceptInput,
  AcceptOutput,
  Progress,
  RowsFile,
  ValidateInput,
  ValidateOutput,
} from '../../backend/src/domains/datasets/engine/tasks.ts';
import type { PlantedChats } from './chats.ts';
import { watchLoop, type HeldUp } from './loop.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '1e9' },
    memory: { type: 'string', default: '1024' },
    tokenizer: { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
});
const root = join(import.meta.dirname, '../..');
const MiB = 1024 ** 2;
const limits = { columns: 20_000, line: 128 * MiB, expanded: 1024 * MiB * 16 };

const folder = values.keep ?? (await mkdtemp(join(tmpdir(), 'llm-ops-bench-')));
await mkdir(folder, { recursive: true });
const workers = createWorkers({
  program: join(root, 'backend/src/domains/datasets/engine/main.ts'),
  concurrency: 1,
  memoryMb: Number(values.memory),
  idleMs: 0,
  log: createLog({ level: 'warn' }),
});
try {
  await bench();
} finally {
  await workers.close();
  if (values.keep === undefined) await rm(folder, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  const path = join(folder, 'chats.jsonl');
  const benchmark = join(folder, 'benchmark.jsonl');
  const generator = fork(join(import.meta.dirname, 'chats.ts'), { execArgv: [] });
  generator.send({ path, benchmark, bytes: Number(values.bytes) });
  const [planted] = (await once(generator, 'message')) as [PlantedChats];
  const { size } = await stat(path);
  console.log(`${planted.rows} conversations, ${(size / 1e6).toFixed(0)} MB`);
  const accepted = await measured('conversion', () => accept(path, 'sft_pair'));
  const items = await accept(benchmark, 'benchmark');
  const input = validateInput(accepted, items);
  const output = await measured('validation', () =>
    workers.run<ValidateOutput>('validate', input, { timeoutMs: 3_600_000, onProgress: tell }),
  );
  check(planted, output);
  console.log(
    `score ${output.score.overall}, ${output.seconds.toFixed(0)} s, tokens ${JSON.stringify(output.tokens)}, ${JSON.stringify(output.languages)}`,
  );
}

/** Only what was planted may be found, and all of it. */
function check(planted: PlantedChats, output: ValidateOutput): void {
  const count = (type: string): number => output.counts.find((each) => each.type === type)?.count ?? 0;
  const pairs: [string, number, number][] = [
    ['rows', planted.rows, output.rows],
    ['exact duplicates', planted.duplicates, output.duplicates.exact],
    ['near duplicates', planted.nearDuplicates, output.duplicates.near],
    ['rows of the benchmark', planted.contaminated, output.contamination[0]?.rows ?? 0],
    ['e-mail addresses', planted.emails, count('email')],
    ['turns out of order', planted.unalternating, count('chat_alternation')],
  ];
  for (const [what, expected, found] of pairs)
    console.log(`${found === expected ? '✓' : '✗'} ${what}: ${found} of ${expected}`);
  if (pairs.some(([, expected, found]) => expected !== found)) process.exitCode = 1;
}

async function accept(
  local: string,
  type: 'sft_pair' | 'benchmark',
): Promise<{ output: AcceptOutput; file: RowsFile }> {
  const target = `${local}.parquet`;
  const scratch = `${local}.scratch`;
  await rm(target, { force: true });
  await mkdir(scratch, { recursive: true });
  const file = { path: local.slice(folder.length + 1), local };
  const input: AcceptInput = { file, target, scratch, type, badRows: 'refuse', limits };
  const output = await workers.run<AcceptOutput>('accept', input, { timeoutMs: 3_600_000 });
  await rm(scratch, { recursive: true });
  if (output.facts === null) throw new Error(`Refused: ${JSON.stringify(output.issues.slice(0, 3))}`);
  return { output, file: { path: file.path, local: target, rows: output.facts.rows, columns: output.facts.columns } };
}

function validateInput(
  accepted: Awaited<ReturnType<typeof accept>>,
  benchmark: Awaited<ReturnType<typeof accept>>,
): ValidateInput {
  const scratch = join(folder, 'scratch');
  const model = join(root, 'examples/models/glossary-llama');
  return {
    files: [accepted.file],
    facts: [accepted.output.facts!],
    type: 'sft_pair',
    rules: [],
    keyColumns: [],
    pii: { types: null, rules: [], key: '5a'.repeat(32), triaged: {}, ner: false },
    weights: { missing_values: 20, duplicates: 20, distribution: 20, schema_compliance: 20, format: 20 },
    threshold: 70,
    nearThreshold: 0.8,
    tokenizer: values.tokenizer
      ? { json: join(model, 'tokenizer.json'), config: join(model, 'tokenizer_config.json'), maxTokens: 4096 }
      : null,
    benchmarks: [{ id: 'b', name: 'generated 1', files: [benchmark.file], columns: ['input', 'reference'] }],
    previous: null,
    findings: join(folder, 'findings.jsonl'),
    columns: join(folder, 'columns.jsonl'),
    keep: 10_000,
    scratch,
  };
}

/** Runs a task and prints what it cost, and how long this process was held up by it. */
async function measured<T>(what: string, run: () => Promise<T>): Promise<T> {
  await mkdir(join(folder, 'scratch'), { recursive: true });
  const idle = fork(join(import.meta.dirname, 'loop.ts'), { execArgv: [] });
  const child = watchChild(idle.pid!);
  const loop = watchLoop();
  const started = performance.now();
  const result = await run();
  const seconds = (performance.now() - started) / 1000;
  const own = loop.stop();
  idle.send('stop');
  const [other] = (await once(idle, 'message')) as [HeldUp];
  const { cpuSeconds, peakMiB } = child.stop();
  const said = ({ computing, late }: HeldUp): string => `${computing.toFixed(1)} ms (late by ${late.toFixed(1)} ms)`;
  console.log(`${what}: ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} CPU s, ${peakMiB.toFixed(0)} MiB peak`);
  console.log(`  this event loop was held up by ${said(own)} at most, that of an idle process by ${said(other)}`);
  return result;
}

function tell(value: unknown): void {
  const { stage, done } = value as Progress;
  if (process.stdout.isTTY) process.stdout.write(`\r${stage} ${(done * 100).toFixed(0)} % \r`);
}

/** CPU and peak memory of the other children of this process, whichever they are. */
function watchChild(except: number): { stop(): { cpuSeconds: number; peakMiB: number } } {
  const ticks = new Map<string, number>();
  let peakMiB = 0;
  const timer = setInterval(() => {
    for (const pid of childrenOf(process.pid)) {
      if (Number(pid) === except) continue;
      const [status, stats] = [read(`/proc/${pid}/status`), read(`/proc/${pid}/stat`)];
      const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
      if (peak !== undefined) peakMiB = Math.max(peakMiB, Number(peak) / 1024);
      const fields = stats.slice(stats.lastIndexOf(')') + 2).split(' ');
      if (fields.length > 12) ticks.set(pid, Number(fields[11]) + Number(fields[12]));
    }
  }, 200);
  return {
    stop() {
      clearInterval(timer);
      // A tick is a hundredth of a second on every Linux that Node runs on.
      return { peakMiB, cpuSeconds: [...ticks.values()].reduce((sum, each) => sum + each, 0) / 100 };
    },
  };
}

function childrenOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean),
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It has ended.
    return '';
  }
}
