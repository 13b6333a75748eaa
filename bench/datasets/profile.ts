/**
 * FR-003c: what the profile of a dataset costs beside polars, great_expectations and ydata-profiling, in one run and in turn: CPU of whole
 * processes, their start included. What was planted in the file must be reported exactly.
 * Usage: npm run bench:profile -- [--mb 100] [--format csv|jsonl] [--rounds 3] [--peers polars,great_expectations,ydata]
 * Needs bash, and at the first run the registry of PyPI. What is installed is kept under `~/.cache/llm-ops`.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { DatasetProfile } from '@llm-ops/contracts';
import { provisionPython } from '../../scripts/provision/python.ts';
import { median } from '../gateway/figures.ts';
import type { OursAnswer, Task } from './ours.ts';
import { generateTable, type PlantedTable } from './table.ts';

const peers = {
  polars: { script: 'polars_profile.py', package: 'polars' },
  great_expectations: { script: 'great_expectations_eight.py', package: 'great_expectations' },
  ydata: { script: 'ydata_minimal.py', package: 'ydata-profiling' },
} as const;
type PeerName = keyof typeof peers;
const isPeer = (name: string): name is PeerName => Object.hasOwn(peers, name);

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '100' },
    format: { type: 'string', default: 'csv' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string', default: Object.keys(peers).join(',') },
  },
});
const bytes = Number(values.mb) * 1e6;
const rounds = Number(values.rounds);
const format = values.format === 'jsonl' ? 'jsonl' : 'csv';
const wanted = values.peers.split(',').filter((name) => name !== '');
const unknown = wanted.filter((name) => !isPeer(name));
if (!(bytes > 0 && rounds >= 1)) throw new Error('--mb and --rounds are numbers above 0.');
if (unknown.length > 0)
  throw new Error(`--peers: no ${unknown.join(', ')}. Choose from ${Object.keys(peers).join(', ')}.`);

/** Ours are measured in every round, and so is each peer that is wanted. */
interface Subject {
  name: string;
  run(): Promise<{ cpu: number; task: number | null; out: string }>;
}
type Round = Map<string, { cpu: number; task: number | null }>;

const folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-bench-'));

async function bench(): Promise<void> {
  const file = path.join(folder, `rows.${format}`);
  const rows = path.join(folder, 'rows.parquet');
  const planted = await generateTable({ path: file, format, bytes });
  const { size } = await stat(file);
  const subjects = [
    ...(['both', 'profile', 'direct'] as const).map((task) => oursAs(task, file, rows)),
    ...(await Promise.all(wanted.filter(isPeer).map((name) => peersAs(name, file)))).flat(),
  ];
  console.log(
    `${planted.rows} rows, ${(size / 1e6).toFixed(0)} MB of ${format}, ${rounds} rounds, load ${loadavg()[0]!.toFixed(1)}`,
  );
  const measured: Round[] = [];
  for (let number = 1; number <= rounds; number++) {
    const round: Round = new Map();
    for (const { name, run } of subjects) {
      const { cpu, task, out } = await run();
      round.set(name, { cpu, task });
      if (number === 1) judge(name, out, planted);
    }
    measured.push(round);
    console.log(`round ${number}  ${[...round].map(([name, { cpu }]) => `${name} ${cpu.toFixed(2)} s`).join('  ')}`);
  }
  report(measured);
}

/** `both`: what an upload and its first validation do; `profile`: what each validation does; `direct`: the same queries on the file itself. */
function oursAs(task: Task, file: string, rows: string): Subject {
  return {
    name: `ours: ${task}`,
    async run() {
      // As the platform starts its workers.
      const environment = { MALLOC_ARENA_MAX: '2', NODE_COMPILE_CACHE: path.join(folder, 'compiled') };
      const { cpu, out } = await timed(environment, process.execPath, [
        path.join(import.meta.dirname, 'ours.ts'),
        task,
        file,
        rows,
      ]);
      return { cpu, task: (JSON.parse(out) as OursAnswer).task, out };
    },
  };
}

async function peersAs(name: PeerName, file: string): Promise<Subject[]> {
  const folderOfPeers = path.join(import.meta.dirname, 'peers');
  const python = await provisionPython(path.join(folderOfPeers, `requirements-${name.replaceAll('_', '-')}.txt`));
  const { script, package: distribution } = peers[name];
  const asked = `from importlib.metadata import version; print(version("${distribution}"))`;
  console.log(`- ${name} ${execFileSync(python, ['-c', asked], { encoding: 'utf8' }).trim()}`);
  const as = (subject: string, more: string[]): Subject => ({
    name: subject,
    async run() {
      const environment = { GX_ANALYTICS_ENABLED: 'false', YDATA_PROFILING_NO_ANALYTICS: 'True' };
      const { cpu, out } = await timed(environment, python, [path.join(folderOfPeers, script), file, ...more]);
      return { cpu, task: null, out };
    },
  });
  const whole = as(name, []);
  return name === 'polars' ? [whole, as('polars: both', [path.join(folder, 'polars.parquet')])] : [whole];
}

/** CPU, user and system, of a process and all that it started; bash tells it. */
async function timed(
  environment: Record<string, string>,
  program: string,
  args: readonly string[],
): Promise<{ cpu: number; out: string }> {
  const { stdout, stderr } = await promisify(execFile)(
    'bash',
    ['-c', `TIMEFORMAT='%U %S'; time "$@"`, 'bash', program, ...args],
    { env: { ...process.env, ...environment }, maxBuffer: 2 ** 26 },
  );
  const times = /([\d.]+) ([\d.]+)\s*$/.exec(stderr);
  if (times === null) throw new Error(`${program} did not run: ${stderr}`);
  return { cpu: Number(times[1]) + Number(times[2]), out: stdout };
}

/** Counts that differ from what was planted are told, and fail the run where they are ours. */
function judge(name: string, out: string, planted: PlantedTable): void {
  const ours = name.startsWith('ours');
  if (!ours && !name.startsWith('polars')) return;
  const said = JSON.parse(out) as OursAnswer | PolarsAnswer;
  const wrong = 'profile' in said ? differences(said.profile!, planted) : polarsDifferences(said, planted);
  if (wrong.length === 0) return;
  console.log(`✗ ${name} does not report what was planted: ${wrong.join('; ')}`);
  if (ours) process.exitCode = 1;
}

interface PolarsAnswer {
  rows: number;
  duplicate_rows: number;
  columns: Record<string, { missing: number; outliers: number }>;
}

function differences(profile: DatasetProfile, planted: PlantedTable): string[] {
  const wrong = unequal('rows', profile.rows, planted.rows);
  wrong.push(...unequal('duplicates', profile.duplicate_rows, planted.duplicates));
  for (const [name, { missing, distinct, outliers }] of Object.entries(planted.columns)) {
    const column = profile.columns.find((each) => each.name === name);
    wrong.push(...unequal(`${name} missing`, column?.missing, missing));
    wrong.push(...unequal(`${name} outliers`, column?.outliers, outliers));
    if (distinct !== null) wrong.push(...unequal(`${name} distinct`, column?.distinct, distinct));
  }
  return wrong;
}

function polarsDifferences(answer: PolarsAnswer, planted: PlantedTable): string[] {
  const wrong = unequal('rows', answer.rows, planted.rows);
  wrong.push(...unequal('duplicates', answer.duplicate_rows, planted.duplicates));
  for (const [name, { missing, outliers }] of Object.entries(planted.columns)) {
    wrong.push(...unequal(`${name} missing`, answer.columns[name]?.missing, missing));
    wrong.push(...unequal(`${name} outliers`, answer.columns[name]?.outliers, outliers));
  }
  return wrong;
}

const unequal = (what: string, found: number | undefined, expected: number): string[] =>
  found === expected ? [] : [`${what} ${found}, not ${expected}`];

function report(measured: readonly Round[]): void {
  console.log('\n| figure | must | aim | reached | | rounds |\n| --- | --- | --- | --- | --- | --- |');
  const decimal = (value: number): string => value.toFixed(2);
  const share = (value: number): string => `1/${(1 / value).toFixed(1)}`;
  type Part = 'cpu' | 'task';
  const line = (
    figure: string,
    ours: string,
    peer: string,
    goal: [number, number] | null,
    part: Part = 'cpu',
  ): void => {
    const ratios = measured.flatMap((round) => {
      const [own, other] = [round.get(ours)?.[part], round.get(peer)?.cpu];
      return own === undefined || own === null || other === undefined ? [] : [own / other];
    });
    if (ratios.length === 0) return;
    const write = peer.startsWith('polars') ? decimal : share;
    const reached = median(ratios);
    const mark = goal === null ? '' : reached <= goal[1] ? '✓ aim' : reached <= goal[0] ? '✓ must' : '✗';
    const goals = goal === null ? ['–', '–'] : goal.map((each) => `≤ ${write(each)}`);
    const spread = `${write(Math.min(...ratios))} to ${write(Math.max(...ratios))}`;
    console.log(`| ${[figure, ...goals, write(reached), mark, spread].join(' | ')} |`);
  };
  line('profile of accepted rows against polars on the file', 'ours: profile', 'polars', [1, 0.6]);
  line('the same queries on the file itself against polars', 'ours: direct', 'polars', [1, 0.6]);
  line('conversion and profile against polars profiling alone', 'ours: both', 'polars', [1, 0.6]);
  line('conversion and profile against polars doing both', 'ours: both', 'polars: both', null);
  line('profile against great_expectations (8 expectations)', 'ours: profile', 'great_expectations', [1 / 10, 1 / 15]);
  line('… in a process that is there already', 'ours: profile', 'great_expectations', [1 / 10, 1 / 15], 'task');
  line('profile against ydata-profiling minimal', 'ours: profile', 'ydata', [1 / 40, 1 / 60]);
  line('… in a process that is there already', 'ours: profile', 'ydata', [1 / 40, 1 / 60], 'task');
}

try {
  await bench();
} finally {
  await rm(folder, { recursive: true, force: true });
}
