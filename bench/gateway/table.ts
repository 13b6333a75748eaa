import { added, cpuOfChunk, cpuOfRequest, figureOf, median, ratio, rss, type Figure, type Round } from './figures.ts';
import type { Peer } from './peers/peer.ts';
import type { Scenario } from './scenarios.ts';
import type { Verdict } from './verdicts.ts';

const number = (value: number, digits: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits));

/** Lines of a Markdown table whose columns are even in a terminal too; all but the first two columns are numbers. */
function aligned(rows: string[][], isText: (column: number) => boolean): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => [...row[column]!].length)));
  const pad = (cell: string, column: number): string => {
    const space = ' '.repeat(widths[column]! - [...cell].length);
    return isText(column) ? cell + space : space + cell;
  };
  const lines = rows.map((row) => `| ${row.map(pad).join(' | ')} |`);
  const rule = widths.map((width, column) => (isText(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n');
}

/** Everything that was measured: medians over the rounds, ratios and additions within a round. */
export function measuredTable(rounds: Round[], scenarios: Scenario[], peers: Peer[]): string {
  const head = [
    'load',
    'gateway',
    'CPU µs/req',
    '× plain',
    'µs/chunk',
    '× plain',
    'req/s',
    'added p50 ms',
    'p99',
    'first byte',
    'MB',
    'bad',
  ];
  const rows = scenarios.flatMap((scenario) =>
    peers.map(({ name }) => {
      const value = (figure: Figure, digits: number): string =>
        number(median(figureOf(rounds, scenario.name, name, figure)), digits);
      const times = (figure: Figure): string =>
        name === 'direct' ? '–' : number(median(ratio(rounds, scenario.name, name, 'plain', figure)), 2);
      // of asking directly, its own times
      const more = (figure: Figure): string =>
        name === 'direct'
          ? value(figure, 3)
          : `+${number(median(added(rounds, scenario.name, name, figure)), 3)}`.replace('+-', '-').replace('+–', '–');
      const streamed = scenario.events > 0;
      return [
        scenario.name,
        name,
        value(cpuOfRequest, 1),
        times(cpuOfRequest),
        streamed ? value(cpuOfChunk, 2) : '–',
        streamed ? times(cpuOfChunk) : '–',
        value(({ ok, seconds }) => ok / seconds, 0),
        more(({ p50 }) => p50),
        more(({ p99 }) => p99),
        more(({ firstP50 }) => firstP50),
        value(rss, 0),
        String(badOf(rounds, scenario.name, name)),
      ];
    }),
  );
  return aligned([head, ...rows], (column) => column < 2);
}

const badOf = (rounds: Round[], scenario: string, peer: string): number =>
  rounds.reduce((sum, round) => sum + (round.get(scenario)?.get(peer)?.bad ?? 0), 0);

export function verdictTable(list: Verdict[]): string {
  const head = ['figure', 'must', 'aim', 'reached', '', 'rounds', 'plain Node'];
  const rows = list.map(({ figure, must, aim, reached, mark, spread, plain }) => [
    figure,
    must,
    aim,
    reached,
    mark,
    spread,
    plain,
  ]);
  return aligned([head, ...rows], () => true);
}
