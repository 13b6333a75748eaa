import { setImmediate as breathe } from 'node:timers/promises';
import { Counter, Histogram, type Registry } from 'prom-client';
import { cumulate, type Tally } from './tally.ts';

/** The labels of one series. One object for its life: how they are written is remembered by it. */
export type Labels = Readonly<Record<string, string>>;

interface Shown {
  registry: Registry;
  name: string;
  help: string;
  labelNames: string[];
}

interface Sample {
  metricName: string;
  labels: Labels;
  /** added to the labels: `{ direction: 'in' }` */
  extra: Labels;
  value: number;
}

export const noLabels: Labels = {};
/** Series written before others get their turn: half a millisecond. */
const atOnce = 20;

/** A histogram of prom-client whose numbers are kept elsewhere and asked for at each scrape. */
export function showHistogram(
  shown: Shown & { bounds: readonly number[]; read(): Iterable<{ labels: Labels; counts: Tally }> },
): void {
  const { registry, name, help, labelNames, bounds } = shown;
  const histogram = new Histogram({ name, help, labelNames, buckets: [...bounds], registers: [registry] });
  const limits = [...bounds, '+Inf'].map((le) => ({ le: String(le) }));
  const samplesOf = function* ({ labels, counts }: { labels: Labels; counts: Tally }): Generator<Sample> {
    const { upTo, count, sum } = cumulate(counts, bounds);
    for (const [index, extra] of limits.entries())
      yield { metricName: `${name}_bucket`, labels, extra, value: upTo[index] ?? count };
    yield { metricName: `${name}_sum`, labels, extra: noLabels, value: sum };
    yield { metricName: `${name}_count`, labels, extra: noLabels, value: count };
  };
  const describe = () => ({ name, help, type: 'histogram', aggregator: 'sum' });
  Object.assign(histogram, {
    get: async () => ({ ...describe(), values: [...shown.read()].flatMap((one) => [...samplesOf(one)].map(flat)) }),
    getForPromString: async () => ({ ...describe(), values: await written(shown.read(), samplesOf, null) }),
  });
}

/** A counter of prom-client whose numbers are kept elsewhere and asked for at each scrape. */
export function showCounter(
  shown: Shown & { read(): Iterable<{ labels: Labels; extra: Labels; value: number }> },
): void {
  const { registry, name, help, labelNames } = shown;
  const counter = new Counter({ name, help, labelNames, registers: [registry] });
  const describe = counter.get.bind(counter);
  const samplesOf = (one: { labels: Labels; extra: Labels; value: number }): Sample[] => [{ metricName: name, ...one }];
  counter.get = async () => ({ ...(await describe()), values: [...shown.read()].flatMap(samplesOf).map(flat) });
  Object.assign(counter, {
    getForPromString: async () => {
      // For OpenMetrics the registry takes `_total` off the name, and puts it back where it writes a line.
      const described = await describe();
      return { ...described, values: await written(shown.read(), samplesOf, described.name) };
    },
  });
}

const flat = ({ metricName, labels, extra, value }: Sample) => ({ metricName, labels: { ...labels, ...extra }, value });

/**
 * All lines as what the registry takes for one: the last, with those before it in front of its name. Written by the registry, a line
 * costs several microseconds, a scrape of 200 series 50 ms in which nothing else is served.
 */
async function written<One>(
  all: Iterable<One>,
  samplesOf: (one: One) => Iterable<Sample>,
  lastName: string | null,
): Promise<ReturnType<typeof flat>[]> {
  let text = '';
  let last: Sample | null = null;
  let count = 0;
  for (const one of all) {
    for (const sample of samplesOf(one)) {
      if (last !== null) text += `${lineOf(last)}\n`;
      last = sample;
    }
    count += 1;
    if (count % atOnce === 0) await breathe();
  }
  return last === null ? [] : [{ ...flat(last), metricName: `${text}${lastName ?? last.metricName}` }];
}

const lineOf = ({ metricName, labels, extra, value }: Sample): string =>
  `${metricName}{${textOf(labels)}${extra === noLabels ? '' : `,${textOf(extra)}`}} ${value}`;

const texts = new WeakMap<Labels, string>();

function textOf(labels: Labels): string {
  let text = texts.get(labels);
  if (text === undefined) {
    text = Object.entries(labels)
      .map(([name, value]) => `${name}="${value.replace(/["\\]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}"`)
      .join(',');
    texts.set(labels, text);
  }
  return text;
}
