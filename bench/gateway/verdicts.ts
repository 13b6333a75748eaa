import { added, cpuOfChunk, cpuOfRequest, figureOf, median, ratio, rss, type Round } from './figures.ts';

interface Goal {
  figure: string;
  must: number;
  aim: number;
  /** of each round */
  of(rounds: Round[], peer: string): number[];
  write(value: number): string;
  /** Where the limit in plain Node has such a figure too, and not only a ratio of 1. */
  absolute?: true;
}

const decimal = (value: number): string => value.toFixed(2);
const milliseconds = (value: number): string => `${value.toFixed(2)} ms`;
const megabytes = (value: number): string => `${value.toFixed(0)} MB`;
const share = (value: number): string => `1/${(1 / value).toFixed(0)}`;
const against =
  (base: string) =>
  (rounds: Round[], peer: string): number[] =>
    ratio(rounds, 'ns32', peer, base, cpuOfRequest);

/** What the gateway has to reach. */
const goals: Goal[] = [
  {
    figure: 'CPU a request, 32 connections: against plain Node',
    must: 1.5,
    aim: 1,
    of: against('plain'),
    write: decimal,
  },
  { figure: 'against Portkey', must: 1 / 7, aim: 1 / 10, of: against('portkey'), write: share },
  { figure: 'against LiteLLM (1 worker)', must: 1 / 140, aim: 1 / 200, of: against('litellm'), write: share },
  {
    figure: 'CPU a streamed chunk against plain Node',
    must: 1,
    aim: 0.75,
    of: (rounds, peer) => ratio(rounds, 'st32', peer, 'plain', cpuOfChunk),
    write: decimal,
  },
  {
    figure: 'added time to first byte of a stream, p50',
    must: 0.3,
    aim: 0.15,
    of: (rounds, peer) => added(rounds, 'st1', peer, ({ firstP50 }) => firstP50),
    write: milliseconds,
    absolute: true,
  },
  {
    figure: 'added latency at 1 connection, p50',
    must: 0.25,
    aim: 0.15,
    of: (rounds, peer) => added(rounds, 'ns1', peer, ({ p50 }) => p50),
    write: milliseconds,
    absolute: true,
  },
  {
    figure: 'added latency at 1 connection, p99',
    must: 0.6,
    aim: 0.3,
    of: (rounds, peer) => added(rounds, 'ns1', peer, ({ p99 }) => p99),
    write: milliseconds,
    absolute: true,
  },
  {
    figure: '68 KB prompt, CPU against plain Node',
    must: 1,
    aim: 0.75,
    of: (rounds, peer) => ratio(rounds, 'b64k', peer, 'plain', cpuOfRequest),
    write: decimal,
  },
  {
    figure: 'memory at 128 connections',
    must: 200,
    aim: 130,
    of: (rounds, peer) => figureOf(rounds, 'ns128', peer, rss),
    write: megabytes,
    absolute: true,
  },
];

/** One line of "figure | must | aim | reached". */
export interface Verdict {
  figure: string;
  must: string;
  aim: string;
  reached: string;
  mark: '✓ aim' | '✓ must' | '✗' | 'not measured';
  /** the lowest and the highest of the rounds: how far to trust it */
  spread: string;
  /** what plain Node reaches in the same run, where that is not a ratio */
  plain: string;
}

/** Whether a peer reached the goals, from the rounds of one run. */
export function verdicts(rounds: Round[], peer: string): Verdict[] {
  return goals.map(({ figure, must, aim, of, write, absolute }) => {
    const values = of(rounds, peer);
    const value = median(values);
    const said = (number: number): string => (Number.isNaN(number) ? '–' : write(number));
    return {
      figure,
      must: `≤ ${write(must)}`,
      aim: `≤ ${write(aim)}`,
      reached: said(value),
      mark: markOf(value, must, aim),
      spread: values.length === 0 ? '–' : `${write(Math.min(...values))} to ${write(Math.max(...values))}`,
      plain: absolute === undefined ? '–' : said(median(of(rounds, 'plain'))),
    };
  });
}

function markOf(value: number, must: number, aim: number): Verdict['mark'] {
  if (Number.isNaN(value)) return 'not measured';
  if (value <= aim) return '✓ aim';
  return value <= must ? '✓ must' : '✗';
}
