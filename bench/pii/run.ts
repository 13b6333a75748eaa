/**
 * FR-003c: how fast personal data is found, beside ripgrep, which only counts plain patterns, and Presidio. One run, in turn, CPU time.
 * Usage: npm run bench:pii -- [--mb 100] [--rounds 5] [--presidio-mb 1]
 * Needs bash, and at the first run the registries of npm (ripgrep) and PyPI (Presidio).
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measureRipgrep, provisionRipgrep, speedOf, startOurs, startPresidio, type Pass } from './peers.ts';
import { writeText } from './text.ts';

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '5' },
    'presidio-mb': { type: 'string', default: '1' },
  },
});
const bytes = Number(values.mb) * 1e6;
const rounds = Number(values.rounds);
const presidioBytes = Math.min(bytes, Number(values['presidio-mb']) * 1e6);
if (!(bytes > 0 && rounds >= 1 && presidioBytes > 0)) throw new Error('Sizes and rounds are numbers above 0.');

const folder = await mkdtemp(path.join(tmpdir(), 'llm-ops-bench-'));
const ours = startOurs();
const presidio = await startPresidio();
try {
  const ripgrep = await provisionRipgrep();
  const file = path.join(folder, 'text.txt');
  await writeText(file, bytes);
  const { size } = await stat(file);
  console.log(
    `${(size / 1e6).toFixed(0)} MB of text, ${rounds} rounds, load ${loadavg()[0]!.toFixed(1)}, ${ripgrep.version}`,
  );
  // the scanner runs in a process that stays: compiled code is the usual case
  await ours.measure(file);
  const against: Record<'ripgrep' | 'scanAlone' | 'presidio', number[]> = { ripgrep: [], scanAlone: [], presidio: [] };
  for (let round = 1; round <= rounds; round++) {
    const { whole, scan, shared, found } = await ours.measure(file);
    const passes: Record<string, Pass> = {
      ours: { seconds: whole, bytes: size, found },
      'scan alone': { seconds: scan, bytes: size, found },
      'its types alone': { seconds: shared, bytes: size, found },
      ripgrep: await measureRipgrep(ripgrep.program, file, size),
      presidio: await presidio.measure(file, presidioBytes),
    };
    const speed = (name: string): number => speedOf(passes[name]!);
    const said = Object.entries(passes).map(
      ([name, pass]) => `${name} ${speedOf(pass).toFixed(1)} MB/CPU s (${pass.found})`,
    );
    console.log(`round ${round}  ${said.join('  ')}`);
    against.ripgrep.push(speed('ours') / speed('ripgrep'));
    against.scanAlone.push(speed('scan alone') / speed('ripgrep'));
    // both are given texts, and look for the same
    against.presidio.push(speed('its types alone') / speed('presidio'));
  }
  console.log('\n| figure | must | aim | reached | | rounds |\n| --- | --- | --- | --- | --- | --- |');
  report('from UTF-8 to findings against `rg --count-matches --no-unicode`', against.ripgrep, 0.25, 0.4, 2);
  report('the scan alone against it', against.scanAlone, 0.25, 0.4, 2);
  report("the scan of texts against Presidio's recognisers of the same types", against.presidio, 200, 400, 0);
} finally {
  ours.stop();
  presidio.stop();
  await rm(folder, { recursive: true, force: true });
}

function report(figure: string, ratios: number[], must: number, aim: number, digits: number): void {
  const write = (value: number): string => `${value.toFixed(digits)} ×`;
  const sorted = ratios.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const mark = median >= aim ? '✓ aim' : median >= must ? '✓ must' : '✗';
  if (median < must) process.exitCode = 1;
  const cells = [
    figure,
    `≥ ${write(must)}`,
    `≥ ${write(aim)}`,
    write(median),
    mark,
    `${write(sorted[0]!)} to ${write(sorted.at(-1)!)}`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
