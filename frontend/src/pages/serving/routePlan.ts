import { formatDuration } from '../../ui/format.ts';
import type { Route } from './vocabulary.ts';

type Target = Route['targets'][number];
/** What of a route decides where its requests go. A draft of a form has it too. */
export type RoutePlan = Pick<Route, 'enabled' | 'targets' | 'retry' | 'cache' | 'limits' | 'capture'> & {
  timeouts?: Route['timeouts'];
};

/** The targets of one priority: they share the traffic; the tier after them is their fallback. */
export interface Tier {
  priority: number;
  targets: { target: Target; /** of 1 */ share: number }[];
}

/** Who gets what: the tiers in the order they are tried, each target with its share. Without a weight a target is never asked. */
export function tiersOf(targets: readonly Target[]): Tier[] {
  const byPriority = Map.groupBy(targets, ({ priority }) => priority);
  return [...byPriority]
    .toSorted(([a], [b]) => a - b)
    .map(([priority, among]) => {
      const sum = among.reduce((total, { weight }) => total + weight, 0);
      const shareOf = ({ weight }: Target) => (sum === 0 ? 0 : weight / sum);
      return { priority, targets: among.map((target) => ({ target, share: shareOf(target) })) };
    });
}

interface Words {
  /** of `serving.plan`; a number chooses between one and many */
  t: (key: string, values: Record<string, unknown>, many?: number) => string;
  locale: string;
  nameOf: (endpointId: string) => string;
}

/** What will happen to a request, in sentences. */
export function explainRoute(plan: RoutePlan, words: Words): string[] {
  const { t, locale } = words;
  const said = (key: string, values: Record<string, unknown> = {}, many?: number) =>
    t(`serving.plan.${key}`, values, many);
  if (!plan.enabled) return [said('disabled')];
  const tiers = tiersOf(plan.targets.filter(({ weight }) => weight > 0));
  const [first, ...fallbacks] = tiers;
  if (!first) return [said('nobody')];
  const number = new Intl.NumberFormat(locale);
  const { attempts, on } = plan.retry;
  // without further tries one of a tier is asked, and the next tier after it
  const sentences = [
    sharesOf(first, words),
    ...fallbacks.map((tier, index) => fallbackOf(attempts === 0 ? 1 : tiers[index]!.targets.length, tier, words)),
  ];
  const idle = plan.targets.filter(({ weight }) => weight === 0).map((target) => labelOf(target, words));
  if (idle.length > 0) {
    sentences.push(
      said('idle', { names: new Intl.ListFormat(locale, { type: 'conjunction' }).format(idle) }, idle.length),
    );
  }
  const causes = new Intl.ListFormat(locale, { type: 'disjunction' }).format(on.map((cause) => said(`cause.${cause}`)));
  if (attempts > 0 && on.length > 0) sentences.push(said('retried', { count: attempts, causes }, attempts));
  const { firstTokenMs } = plan.timeouts ?? {};
  if (firstTokenMs !== undefined) {
    sentences.push(said('givesUp', { time: formatDuration(firstTokenMs, locale) }));
  }
  if (plan.cache && plan.cache.ttlSeconds > 0) {
    sentences.push(said('cached', { time: formatDuration(plan.cache.ttlSeconds * 1000, locale) }));
  }
  const { requestsPerMinute, tokensPerMinute } = plan.limits ?? {};
  const limits = [
    requestsPerMinute !== undefined && said('requests', { count: number.format(requestsPerMinute) }, requestsPerMinute),
    tokensPerMinute !== undefined && said('tokens', { count: number.format(tokensPerMinute) }, tokensPerMinute),
  ].filter((part): part is string => part !== false);
  if (limits.length > 0) {
    sentences.push(said('limited', { limits: new Intl.ListFormat(locale, { type: 'conjunction' }).format(limits) }));
  }
  if (plan.capture.content) sentences.push(said('captured'));
  return sentences;
}

/** Two targets at one endpoint are told apart by the revision. */
function labelOf({ endpointId, revision }: Target, { t, nameOf }: Words): string {
  const name = nameOf(endpointId);
  return revision === null ? name : t('serving.plan.pinned', { name, revision });
}
const labelsOf = ({ targets }: Tier, words: Words) => targets.map(({ target }) => labelOf(target, words));

function sharesOf(tier: Tier, words: Words): string {
  const { t, locale } = words;
  const labels = labelsOf(tier, words);
  if (labels.length === 1) return t('serving.plan.everything', { name: labels[0] });
  const percent = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const parts = tier.targets.map(({ share }, index) =>
    t(`serving.plan.${index === 0 ? 'share' : 'shareMore'}`, {
      share: percent.format(share * 100),
      name: labels[index],
    }),
  );
  return t('serving.plan.shared', { parts: parts.join(', ') });
}

function fallbackOf(failed: number, tier: Tier, words: Words): string {
  const { t, locale } = words;
  const names = new Intl.ListFormat(locale, { type: 'disjunction' }).format(labelsOf(tier, words));
  const failing = { 1: 'ifItFails', 2: 'ifBothFail' }[failed] ?? 'ifAllFail';
  return t(`serving.plan.${failing}`, { names });
}
