/**
 * FR-003a, FR-003b: a large file through the running product: resumable upload, reading, pages of a preview, validation. Prints rates, latencies
 * of a page, peak memory of the server and of its largest worker, and how long other callers waited meanwhile.
 * Usage: npm run bench:large -- [--bytes 1e9] [--format csv|jsonl]
 * Linux only: memory is read from /proc. Needs three times the bytes on the disk.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ask, people, startPlatform, type Json, type RunningPlatform } from '../../tests/journeys/harness.ts';
import { generateTable } from './table.ts';

const { values } = parseArgs({
  options: { bytes: { type: 'string', default: '1e9' }, format: { type: 'string', default: 'csv' } },
});
const format = values.format === 'jsonl' ? 'jsonl' : 'csv';
const MiB = 1024 ** 2;
const piece = 64 * MiB;
const looks = 20;

const folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-bench-'));
const file = path.join(folder, `rows.${format}`);
let platform: RunningPlatform | null = null;
try {
  const planted = await generateTable({ path: file, format, bytes: Number(values.bytes) });
  const { size } = await stat(file);
  console.log(`${planted.rows} rows, ${(size / 1e6).toFixed(0)} MB of ${format}, load ${loadavg()[0]!.toFixed(1)}`);
  platform = await startPlatform({ LOG_LEVEL: 'warn' }, path.join(folder, 'data'));
  await bench(platform, size, planted.rows);
} finally {
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
}

async function bench({ api, url, process: server }: RunningPlatform, size: number, rows: number): Promise<void> {
  const dataset = await ask(api, people.researcher, 'POST', '/catalog/datasets', {
    name: 'large',
    version: '1.0',
    owner_team: 'platform',
  });
  const watch = watchServer(url, server.pid!);
  const seconds = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const started = performance.now();
    await work();
    const taken = (performance.now() - started) / 1000;
    console.log(`${what}: ${taken.toFixed(1)} s, ${(size / 1e6 / taken).toFixed(0)} MB/s; ${watch.lap()}`);
  };
  await seconds('upload', () => upload(api, dataset.id, size));
  await seconds('reading', async () => {
    const [read] = await untilTold(api, `/catalog/datasets/${dataset.id}`, ({ files }) =>
      files[0].status === 'checking' ? null : files,
    );
    if (read.status !== 'ready' || read.facts.rows !== rows)
      throw new Error(`The file was not read as it is: ${JSON.stringify(read).slice(0, 500)}`);
  });
  const preview = `/catalog/datasets/${dataset.id}/preview?limit=50`;
  const pages = async (when: string): Promise<void> => {
    for (const [what, more] of [
      ['first page', () => ''],
      ['a page anywhere', () => `&offset=${Math.floor(Math.random() * (rows - 50))}`],
      ['last page', () => `&offset=${rows - 50}`],
      ['filter by a label', () => `&filter=${encodeURIComponent('language:eq:ko')}`],
      ['search in all columns', () => '&search=nowhere-to-be-found'],
      ['sorted by a number', () => '&sort=-score'],
    ] as const)
      console.log(
        `${what}${when}: ${await latencies(() => ask(api, people.researcher, 'GET', preview + more())).catch(String)}`,
      );
  };
  await pages(' while it is validated');
  await seconds('rest of the validation', () =>
    untilTold(api, `/catalog/datasets/${dataset.id}/validation`, ({ status, error, remedy }) => {
      if (status === 'failed') throw new Error(`The validation failed: ${error} ${remedy}`);
      return status === 'queued' || status === 'running' ? null : status;
    }),
  );
  await pages('');
  console.log(`peak of the server ${watch.peaks().server} MiB, of its largest worker ${watch.peaks().worker} MiB`);
  watch.stop();
}

async function upload(api: string, id: string, size: number): Promise<void> {
  const told = { subject_kind: 'dataset', subject_id: id, path: path.basename(file) };
  const tus = { ...people.researcher, 'tus-resumable': '1.0.0' };
  const made = await fetch(`${api}/uploads`, {
    method: 'POST',
    headers: {
      ...tus,
      'upload-length': String(size),
      'upload-metadata': Object.entries(told)
        .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
        .join(','),
    },
  });
  if (made.status !== 201) throw new Error(`${made.status} ${await made.text()}`);
  const address = new URL(made.headers.get('location')!, api);
  const source = await open(file);
  try {
    for (let offset = 0; offset < size; offset += piece) {
      const sent = await fetch(address, {
        method: 'PATCH',
        headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
        body: await read(source, offset),
      });
      if (sent.status !== 204) throw new Error(`${sent.status} ${await sent.text()}`);
    }
  } finally {
    await source.close();
  }
}

async function read(source: FileHandle, offset: number): Promise<Uint8Array<ArrayBuffer>> {
  const { buffer, bytesRead } = await source.read(new Uint8Array(piece), 0, piece, offset);
  return buffer.subarray(0, bytesRead);
}

/** Of a handful of calls, in ms. Rejects with what the platform says when it gives up, after 30 s. */
async function latencies(call: () => Promise<unknown>): Promise<string> {
  const taken: number[] = [];
  for (let look = 0; look < looks; look++) {
    const started = performance.now();
    await call();
    taken.push(performance.now() - started);
  }
  const sorted = taken.toSorted((a, b) => a - b);
  return `first ${taken[0]!.toFixed(0)} ms, p50 ${sorted[looks / 2]!.toFixed(0)} ms, worst ${sorted.at(-1)!.toFixed(0)} ms`;
}

async function untilTold<T>(api: string, route: string, look: (told: Json) => T | null): Promise<T> {
  for (;;) {
    const found = look(await ask(api, people.researcher, 'GET', route));
    if (found !== null) return found;
    await sleep(250);
  }
}

/** Asks the server for its health twenty times a second, and looks at the memory of it and of the processes it started. */
function watchServer(url: string, pid: number) {
  let waits: number[] = [];
  let asking = false;
  const peaks = { server: 0, worker: 0 };
  const timer = setInterval(() => {
    peaks.server = Math.max(peaks.server, peakOf(pid) ?? 0);
    for (const child of childrenOf(pid)) peaks.worker = Math.max(peaks.worker, peakOf(child) ?? 0);
    if (asking) return;
    asking = true;
    const started = performance.now();
    void fetch(`${url}/llm-ops/v1/health`)
      .then((answer) => answer.arrayBuffer())
      .then(() => waits.push(performance.now() - started))
      .catch(() => waits.push(Number.POSITIVE_INFINITY))
      .finally(() => (asking = false));
  }, 50);
  return {
    /** What others waited since the last lap. */
    lap(): string {
      const sorted = waits.toSorted((a, b) => a - b);
      waits = [];
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
      return `others waited p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, worst ${at(1).toFixed(1)} ms`;
    },
    peaks: () => peaks,
    stop: () => clearInterval(timer),
  };
}

/** MiB; null: it is gone. */
function peakOf(pid: number): number | null {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return null;
  }
}

/** Processes of the engine: PostgreSQL and models are the server's children too. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        return new RegExp(`^PPid:\\s+${parent}$`, 'm').test(status) && command.includes('datasets/engine');
      } catch {
        return false;
      }
    })
    .map(Number);
}
