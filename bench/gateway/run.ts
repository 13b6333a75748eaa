/**
 * FR-006l: what this gateway costs beside others, all of them in one run and in turn: CPU, latency, memory. Needs Go, and the registries of
 * npm and PyPI at the first run. `npm run bench:gateway -- --help` lists the options.
 */
import { cpus, loadavg, release } from 'node:os';
import { provisionPostgres } from '../../scripts/provision/postgres.ts';
import type { Round } from './figures.ts';
import { onGround, type Ground } from './ground.ts';
import { createLoad, type Measure, type Measured } from './load.ts';
import { readOptions } from './options.ts';
import { startFastify, startPlain } from './peers/limits.ts';
import { startLiteLlm } from './peers/litellm.ts';
import type { Peer } from './peers/peer.ts';
import { startOurs, type PlatformPeer } from './peers/platform.ts';
import { startPortkey } from './peers/portkey.ts';
import { topFunctions } from './profile.ts';
import { scenarios } from './scenarios.ts';
import { measuredTable, verdictTable } from './table.ts';
import { verdicts } from './verdicts.ts';

const others = { plain: startPlain, fastify: startFastify, portkey: startPortkey, litellm: startLiteLlm };
const isPlatform = (peer: Peer): peer is PlatformPeer => 'settled' in peer;
const seconds = (): string => `${(performance.now() / 1000).toFixed(0)} s`;
const say = (line: string): void => void process.stderr.write(`${seconds().padStart(5)}  ${line}\n`);

const options = readOptions(process.argv.slice(2));
await onGround(async (ground) => {
  const peers = await startPeers(ground);
  const { measure, sent } = counted(await createLoad({ ...ground, scale: options.scale }), ground.signal);
  say('everything is up; warming up');
  for (const peer of peers) await warmUp(peer, measure);
  const rounds: Round[] = [];
  const from = performance.now();
  for (let number = 1; number <= options.rounds; number++) {
    say(`round ${number} of ${options.rounds}`);
    rounds.push(await measureRound(peers, number, measure));
  }
  const until = performance.now();
  report(peers, rounds);
  for (const peer of peers.filter(isPlatform)) await compareLedger(peer, sent.get(peer.name) ?? 0);
  const profiled = peers.find(isPlatform);
  if (options.profile !== null && profiled !== undefined) {
    await ground.cleanup.run();
    const { startedAt } = profiled;
    console.log(`\n${await topFunctions(options.profile, from - startedAt, until - startedAt)}`);
  }
});

async function startPeers({ cleanup, ...deps }: Ground): Promise<Peer[]> {
  const peers: Peer[] = [
    {
      name: 'direct',
      version: 'the mock upstream itself',
      url: deps.upstream,
      headers: {},
      model: 'mock',
      pid: null,
      share: 1,
      stop: async () => {},
    },
  ];
  const add = async (starting: Promise<Peer>): Promise<void> => {
    const peer = await starting;
    cleanup.add(peer.stop);
    peers.push(peer);
    deps.signal.throwIfAborted();
  };
  for (const name of options.others) {
    try {
      await add(others[name](deps));
    } catch (error) {
      deps.signal.throwIfAborted();
      console.log(`Note: ${name} is left out. ${error instanceof Error ? error.message : error}`);
    }
  }
  if (options.roots.length === 0) return peers;
  const postgres = await provisionPostgres();
  cleanup.add(postgres.stop);
  for (const { name, root } of options.roots) {
    const databaseUrl = await postgres.createDatabase(name);
    const profile = name === 'ours' ? options.profile : null;
    await add(startOurs({ ...deps, name, root, databaseUrl, apart: options.apart, profile }));
  }
  return peers;
}

/** Counts what was sent to whom, for the ledger, and tells of bad answers. */
function counted(load: Measure, signal: AbortSignal): { measure: Measure; sent: Map<string, number> } {
  const sent = new Map<string, number>();
  return {
    sent,
    async measure(peer, scenario, share) {
      signal.throwIfAborted();
      const measured = await load(peer, scenario, share);
      sent.set(peer.name, (sent.get(peer.name) ?? 0) + measured.sent);
      if (measured.bad > 0) say(`${peer.name}, ${scenario.name}: ${measured.bad} bad, the last: ${measured.reason}`);
      return measured;
    },
  };
}

/** The time in which code is compiled is left out of the figures. */
async function warmUp(peer: Peer, measure: Measure): Promise<void> {
  const [whole, streamed] = ['ns32', 'st32'].map((wanted) => scenarios.find(({ name }) => name === wanted)!);
  await measure(peer, whole!, peer.share * 2);
  await measure(peer, streamed!);
}

async function measureRound(peers: Peer[], number: number, measure: Measure): Promise<Round> {
  const round: Round = new Map();
  // nobody is always the first or the last
  const turn = peers.map((_, at) => peers[(at + number) % peers.length]!);
  for (const scenario of options.scenarios) {
    const measured = new Map<string, Measured>();
    for (const peer of turn) measured.set(peer.name, await measure(peer, scenario));
    round.set(scenario.name, measured);
  }
  return round;
}

function report(peers: Peer[], rounds: Round[]): void {
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${process.platform} ${release()}, ` +
      `load ${load.join(' ')}; medians of ${rounds.length} rounds, scale ${options.scale}, ${seconds()}`,
  );
  for (const { name, version } of peers) console.log(`- ${name}: ${version}`);
  for (const { name, about } of options.scenarios) console.log(`- ${name}: ${about}`);
  if (process.platform !== 'linux') console.log('Note: CPU and memory are read from /proc, on Linux alone.');
  if (options.profile !== null) console.log('Note: ours is profiled, and slower for that.');
  console.log(`\n${measuredTable(rounds, options.scenarios, peers)}`);
  for (const peer of peers.filter(isPlatform)) {
    console.log(`\n${peer.name}:\n${verdictTable(verdicts(rounds, peer.name))}`);
  }
}

async function compareLedger(peer: PlatformPeer, sent: number): Promise<void> {
  const settled = await peer.settled(sent);
  console.log(`\n${peer.name}: ${sent} requests sent, ${settled} in the ledger ${settled === sent ? '✓' : '✗'}`);
}
