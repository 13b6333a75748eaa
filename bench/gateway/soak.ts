/**
 * FR-006l: 200 streams for SOAK_MINUTES (30): memory stays flat, and a client that reads 1 KB/s holds back its own upstream only.
 * SOAK_STREAMS and SOAK_ROOT (another copy of the project) may be set too. Needs Go and Linux.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { provisionPostgres } from '../../scripts/provision/postgres.ts';
import { onGround, type Ground } from './ground.ts';
import { startOurs, type PlatformPeer } from './peers/platform.ts';
import { openSlowClient, openStreams } from './streams.ts';

const minutes = Number(process.env['SOAK_MINUTES'] ?? 30);
const count = Number(process.env['SOAK_STREAMS'] ?? 200);
const root = path.resolve(process.env['SOAK_ROOT'] ?? path.join(import.meta.dirname, '../..'));
/** By how much the highest of the second half may be above that of the first: memory goes up and down between collections, a slope says when they were. */
const flatShare = 0.05;
/** How much later than without it the slow client may let the others' pieces come, in milliseconds. */
const patience = 5;

await onGround(async (ground) => {
  const platform = await start(ground);
  const alone = createHistogram();
  const beside = createHistogram();
  const streams = openStreams(platform, count);
  ground.cleanup.add(streams.close);
  streams.recordInto(alone);

  const samples: number[] = [];
  const begun = performance.now();
  const length = minutes * 60_000;
  const step = Math.min(30_000, length / 20);
  let slow: ReturnType<typeof openSlowClient> | null = null;
  for (let at = step; at <= length; at += step) {
    await sleep(begun + at - performance.now(), undefined, { signal: ground.signal });
    const megabytes = memoryOf(platform.pid!);
    samples.push(megabytes);
    const { open, pieces, broken } = streams.counts;
    console.log(
      `${(at / 60_000).toFixed(1).padStart(5)} min  ${megabytes.toFixed(1)} MB  ${open} streams, ${pieces} pieces, ${broken} broken` +
        (slow === null ? '' : `; slow client: ${slow.received()} bytes${slow.isOpen() ? '' : ', cut off'}`),
    );
    if (slow === null && at >= length / 4) {
      slow = openSlowClient(platform);
      ground.cleanup.add(slow.close);
      streams.recordInto(beside);
    }
  }
  judge(samples, alone, beside, streams.counts);
  slow?.close();
  streams.close();
  const sent = streams.counts.begun + (slow === null ? 0 : 1);
  const settled = await platform.settled(sent);
  console.log(`${sent} streams begun, ${settled} in the ledger ${settled === sent ? '✓' : '✗'}`);
});

async function start({ cleanup, ...deps }: Ground): Promise<PlatformPeer> {
  if (process.platform !== 'linux') throw new Error('The soak reads memory from /proc: run it on Linux.');
  const postgres = await provisionPostgres();
  cleanup.add(postgres.stop);
  const databaseUrl = await postgres.createDatabase('soak');
  const platform = await startOurs({ ...deps, name: 'ours', root, databaseUrl, apart: false, profile: null });
  cleanup.add(platform.stop);
  return platform;
}

/** MB of 10^6 bytes that the process itself has in memory. */
function memoryOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}

function judge(
  samples: readonly number[],
  alone: RecordableHistogram,
  beside: RecordableHistogram,
  { broken, reason }: { broken: number; reason: string },
): void {
  const highest = (some: readonly number[]): number => Math.max(...some);
  const middle = samples.length >> 1;
  const [before, after] = [highest(samples.slice(0, middle)), highest(samples.slice(middle))];
  const gap = (histogram: RecordableHistogram, percentile: number): number => histogram.percentile(percentile) / 1000;
  const gaps = (histogram: RecordableHistogram): string =>
    `p50 ${gap(histogram, 50).toFixed(1)} ms, p99 ${gap(histogram, 99).toFixed(1)} ms`;
  const memory = `highest memory: ${after.toFixed(1)} MB in the second half, ${before.toFixed(1)} MB in the first (≤ ${flatShare * 100} % more)`;
  if (minutes >= 10) verdict(after <= before * (1 + flatShare), memory);
  else console.log(`– ${memory}; not judged in less than 10 minutes`);
  verdict(
    gap(beside, 50) <= gap(alone, 50) + patience,
    `between two pieces: ${gaps(alone)}; beside the slow client: ${gaps(beside)}`,
  );
  verdict(broken === 0, `${broken} streams broke${broken === 0 ? '' : `, the last: ${reason}`}`);
}

function verdict(met: boolean, what: string): void {
  console.log(`${met ? '✓' : '✗'} ${what}`);
  if (!met) process.exitCode = 1;
}
