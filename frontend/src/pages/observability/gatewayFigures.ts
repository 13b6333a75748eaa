import type { GatewayView } from '@llm-ops/contracts';
import { formatNumber } from '../../ui/format.ts';

export type Traffic = GatewayView['total'];

/** Rates of so many seconds. Shares are of 1; null where nothing was asked. */
export interface TrafficRates {
  requestsPerSecond: number;
  tokensPerSecond: number;
  errorShare: number | null;
  cachedShare: number | null;
}

export function ratesOf(traffic: Traffic, seconds: number): TrafficRates {
  const share = (count: number) => (traffic.requests === 0 ? null : count / traffic.requests);
  return {
    requestsPerSecond: traffic.requests / seconds,
    tokensPerSecond: (traffic.prompt_tokens + traffic.completion_tokens) / seconds,
    errorShare: share(traffic.errors),
    cachedShare: share(traffic.cached),
  };
}

/** A rate in the unit in which it is a number that people can picture. */
export function readableRate(perSecond: number, locale: string): { value: string; unit: 'second' | 'minute' | 'hour' } {
  if (perSecond >= 1) return { value: formatNumber(perSecond, locale), unit: 'second' };
  if (perSecond * 60 >= 1 || perSecond === 0) return { value: formatNumber(perSecond * 60, locale), unit: 'minute' };
  return { value: formatNumber(perSecond * 3600, locale), unit: 'hour' };
}

/**
 * The edges of what is shown, in milliseconds: from the first step to the end of the one that is under way; and how many seconds of it
 * have passed, which is what rates are of.
 */
export function windowOf({ now, step_seconds, series }: GatewayView, minutes: number) {
  const step = step_seconds * 1000;
  const at = Date.parse(now);
  const first = series[0];
  const from = first ? Date.parse(first.at) : at - minutes * 60_000;
  return { from, until: (Math.floor(at / step) + 1) * step, seconds: Math.max((at - from) / 1000, 1) };
}
