/**
 * FR-003-cmp: what a comparison of two versions costs beside polars doing the same (join by key and diff of cells, or bags of rows, and the
 * distributions), in one run and in turn: CPU and peak memory of whole processes, their start included. All counts must be those that were
 * planted.
 * Usage: npm run bench:compare -- [--mb 100] [--rounds 3]
 * Needs bash, and at the first run the registry of PyPI. What is installed is kept under `~/.cache/llm-ops`. Linux only.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { provisionPython } from '../../scripts/provision/python.ts';
import { median } from '../gateway/figures.ts';
import { generateVersions, type PlantedVersions } from './compared.ts';

const { values } = parseArgs({
  options: { mb: { type: 'string', default: '100' }, rounds: { type: 'string', default: '3' } },
});
const run = promisify(execFile);
const folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-bench-'));
const environment = { ...process.env, MALLOC_ARENA_MAX: '2', NODE_COMPILE_CACHE: path.join(folder, 'compiled') };
const at = (name: string): string => path.join(folder, name);
const ours = path.join(import.meta.dirname, 'ours.ts');

type Way = 'keyed' | 'content';
interface Answer {
  added: number;
  removed: number;
  modified: number;
  unchanged: number;
  /** MiB of the process */
  peak: number;
}

try {
  await bench();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  const planted = await generateVersions({
    before: at('before.csv'),
    after: at('after.csv'),
    bytes: Number(values.mb) * 1e6,
  });
  for (const side of ['before', 'after'] as const) {
    await run(process.execPath, [ours, 'convert', at(`${side}.csv`), at(`${side}.parquet`)], { env: environment });
    const { rows } = JSON.parse(await readFile(at(`${side}.parquet.json`), 'utf8')) as { rows: number };
    if (rows !== planted.rows[side]) throw new Error(`${rows} rows were read of ${planted.rows[side]}.`);
  }
  const { size } = await stat(at('before.csv'));
  const python = await provisionPython(path.join(import.meta.dirname, 'peers/requirements-polars.txt'));
  const script = path.join(import.meta.dirname, 'peers/polars_compare.py');
  console.log(`${planted.rows.before} rows, ${(size / 1e6).toFixed(0)} MB each, load ${loadavg()[0]!.toFixed(1)}`);
  const [before, after] = [at('before.parquet'), at('after.parquet')];
  for (const way of ['keyed', 'content'] as const) {
    const [own, peer]: Measured[][] = [[], []];
    for (let round = 0; round < Number(values.rounds); round++) {
      own!.push(await measured(process.execPath, [ours, 'compare', before, after, ...(way === 'keyed' ? ['id'] : [])]));
      peer!.push(await measured(python, [script, before, after, ...(way === 'keyed' ? ['id'] : [])]));
    }
    judge('ours', way, own![0]!.answer, planted);
    judge('polars', way, peer![0]!.answer, planted);
    tell(way, own!, peer!);
  }
}

interface Measured {
  cpu: number;
  answer: Answer;
}

async function measured(program: string, args: readonly string[]): Promise<Measured> {
  const timed = ['-c', `TIMEFORMAT='%U %S'; time "$@"`, 'bash', program, ...args];
  const { stdout, stderr } = await run('bash', timed, { env: environment, maxBuffer: 2 ** 26 });
  const times = /([\d.]+) ([\d.]+)\s*$/.exec(stderr);
  if (times === null) throw new Error(`${program} did not run: ${stderr}`);
  return { cpu: Number(times[1]) + Number(times[2]), answer: JSON.parse(stdout) as Answer };
}

function judge(name: string, way: Way, answer: Answer, planted: PlantedVersions): void {
  const wrong = Object.entries(planted[way]).filter(([what, count]) => answer[what as keyof Answer] !== count);
  const said = wrong.map(([what, count]) => `${what} ${answer[what as keyof Answer]} of ${count}`).join(', ');
  console.log(`${wrong.length === 0 ? '✓' : '✗'} ${name}, ${way}: ${said || 'all that was planted, and no others'}`);
  if (wrong.length > 0 && name === 'ours') process.exitCode = 1;
}

function tell(way: Way, own: readonly Measured[], peer: readonly Measured[]): void {
  const cpu = (of: readonly Measured[]): string => median(of.map((each) => each.cpu)).toFixed(2);
  const peak = (of: readonly Measured[]): number => Math.max(...of.map(({ answer }) => answer.peak));
  const ratios = own.map((each, round) => each.cpu / peer[round]!.cpu).toSorted((a, b) => a - b);
  const range = `${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)}`;
  console.log(`${way}: CPU ${cpu(own)} s, polars ${cpu(peer)} s, ratio ${median(ratios).toFixed(2)} (${range})`);
  console.log(`  peak memory ${peak(own)} MiB, polars ${peak(peer)} MiB, load ${loadavg()[0]!.toFixed(1)}`);
}
