import type { Measured } from './load.ts';

/** What was measured in one round: by scenario, then by peer. */
export type Round = Map<string, Map<string, Measured>>;

/** NaN for nothing, which no comparison takes for a success. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export type Figure = (measured: Measured) => number;
/** Microseconds of CPU; a bad answer cost something too. */
export const cpuOfRequest: Figure = ({ cpuMicros, ok, bad }) => (cpuMicros < 0 ? NaN : cpuMicros / (ok + bad));
export const cpuOfChunk: Figure = ({ cpuMicros, events }) => (cpuMicros < 0 || events === 0 ? NaN : cpuMicros / events);
export const rss: Figure = ({ rssMb }) => (rssMb < 0 ? NaN : rssMb);

/** A figure of a peer in each round in which it was measured and answered. */
export const figureOf = (rounds: Round[], scenario: string, peer: string, figure: Figure): number[] =>
  each(rounds, scenario, (peers) => of(peers, peer, figure));

/** Ratios to another peer within a round: what slows a whole round down does not count. */
export const ratio = (rounds: Round[], scenario: string, peer: string, base: string, figure: Figure): number[] =>
  each(rounds, scenario, (peers) => of(peers, peer, figure) / of(peers, base, figure));

/** Differences to asking the upstream directly, within a round. */
export const added = (rounds: Round[], scenario: string, peer: string, figure: Figure): number[] =>
  each(rounds, scenario, (peers) => of(peers, peer, figure) - of(peers, 'direct', figure));

function each(rounds: Round[], scenario: string, take: (peers: Map<string, Measured>) => number): number[] {
  return rounds
    .map((round) => take(round.get(scenario) ?? new Map<string, Measured>()))
    .filter((value) => !Number.isNaN(value));
}

function of(peers: Map<string, Measured>, peer: string, figure: Figure): number {
  const measured = peers.get(peer);
  return measured === undefined || measured.ok === 0 ? NaN : figure(measured);
}
