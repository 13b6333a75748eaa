import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Peer } from './peers/peer.ts';
import { bodyOf, type Scenario } from './scenarios.ts';

const run = promisify(execFile);

/** What one measurement gave. Times in milliseconds; CPU in microseconds, memory in MB, both -1 where they were not metered. */
export interface Measured {
  /** with the warm-up and the bad ones */
  sent: number;
  ok: number;
  bad: number;
  reason: string;
  seconds: number;
  p50: number;
  p99: number;
  firstP50: number;
  events: number;
  cpuMicros: number;
  rssMb: number;
}

/** `share` of the scenario's requests; the peer's own when not given. */
export type Measure = (peer: Peer, scenario: Scenario, share?: number) => Promise<Measured>;

/** Sends load to a peer with the load generator, one measurement at a time. */
export async function createLoad(options: {
  programs: string;
  scratch: string;
  scale: number;
  signal: AbortSignal;
}): Promise<Measure> {
  const { programs, scale, signal } = options;
  const bodies = await mkdtemp(path.join(options.scratch, 'bodies-'));

  return async (peer, scenario, share = peer.share) => {
    const body = path.join(bodies, `${peer.name}-${scenario.name}.json`);
    await writeFile(body, bodyOf(scenario, peer.model));
    const count = Math.max(Math.round(scenario.count * scale * share), scenario.connections);
    const args = [
      ['-url', `${peer.url}/v1/chat/completions`],
      ['-body', body],
      ['-connections', String(scenario.connections)],
      ['-count', String(count)],
      ['-warm', String(Math.min(scenario.connections, count))],
      ['-events', String(scenario.events)],
      ...(peer.pid === null ? [] : [['-pid', String(peer.pid)]]),
      ...Object.entries(peer.headers).map(([name, value]) => ['-header', `${name}: ${value}`]),
    ].flat();
    const { stdout } = await run(path.join(programs, 'loadgen'), args, { signal });
    return JSON.parse(stdout) as Measured;
  };
}
