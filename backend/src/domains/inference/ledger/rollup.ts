import { formatMoney, parseMoney, type Pico } from '#platform/money';
import type { UsageEvent } from '../usage.ts';
import { hourMs, minuteMs, msOf } from './days.ts';
import { bucketOf, emptyHistogram } from './histogram.ts';
import { createSources } from './sources.ts';

interface Sums {
  requests: number;
  /** 5xx, and requests that the gateway died with (598) */
  errors: number;
  /** 4xx by the gateway itself */
  refused: number;
  cached: number;
  prompt_tokens: number;
  completion_tokens: number;
  /** decimal */
  cost: string;
}

/** A row to be added to `usage_minute`. */
export interface MinuteRow extends Sums {
  minute: string;
  environment: string;
  route: string;
  latency: number[];
  first_token: number[];
}

/** A row to be added to `usage_hour`. */
export interface HourRow extends Sums {
  hour: string;
  team: string | null;
  project: string | null;
  user_id: string;
  api_key_id: string | null;
  route: string;
  environment: string;
  endpoint_id: string | null;
  model_id: string | null;
  model_name: string | null;
  /** sum */
  latency_ms: number;
}

/** A row to be added to `usage_endpoint_hour`. */
export interface EndpointRow {
  hour: string;
  endpoint_id: string;
  environment: string;
  route: string;
  /** sent on to it, but those whose client went away first and the lost ones */
  requests: number;
  errors: number;
  /** that a gateway died with (598) */
  lost: number;
  answer: number[];
}

const isRefused = (event: UsageEvent): boolean => !event.forwarded && event.status >= 400 && event.status < 499;

/** Whether its latency is that of an answer: not of a refusal, nor cut short by the client's or the gateway's end. */
const isAnswer = (event: Pick<UsageEvent, 'forwarded' | 'cached' | 'status'>): boolean =>
  (event.forwarded || event.cached) && event.status !== 499 && event.status !== 598;

/** The rows that events of one source are added to, as long as they are of one minute. */
interface Place {
  /** ms */
  start: number;
  minute: MinuteRow & { pico: Pico };
  hour: HourRow & { pico: Pico };
  /** null: it went to no endpoint */
  endpoint: EndpointRow | null;
}

export interface RolledUp {
  minutes: MinuteRow[];
  hours: HourRow[];
  endpoints: EndpointRow[];
}

/** What events add to the sums. */
export interface Rollup {
  add(event: UsageEvent): void;
  /** In one order everywhere, so that gateways that add to the same rows wait and never deadlock. */
  rows(): RolledUp;
}

export function createRollup(): Rollup {
  const minutes = new Map<string, MinuteRow & { pico: Pico }>();
  const hours = new Map<string, HourRow & { pico: Pico }>();
  const endpoints = new Map<string, EndpointRow>();
  const sources = createSources();
  const places: Place[] = [];

  function placeOf(event: UsageEvent): Place {
    const time = msOf(event.at);
    const source = sources.numberOf(event);
    const known = places[source];
    if (known !== undefined && time >= known.start && time < known.start + minuteMs) return known;
    const place = {
      start: Math.floor(time / minuteMs) * minuteMs,
      minute: minuteOf(minutes, event, time),
      hour: hourOf(hours, event, time),
      endpoint: endpointOf(endpoints, event, time),
    };
    places[source] = place;
    return place;
  }

  return {
    add(event) {
      const cost = event.cost === '0' ? 0n : parseMoney(event.cost);
      const { minute, hour, endpoint } = placeOf(event);
      if (endpoint !== null) addAnswer(endpoint, event);
      add(minute, event, cost);
      add(hour, event, cost);
      hour.latency_ms += Math.round(event.latency_ms);
      if (!isAnswer(event)) return;
      minute.latency[bucketOf(Math.round(event.latency_ms))]! += 1;
      if (event.first_token_ms !== null) minute.first_token[bucketOf(Math.round(event.first_token_ms))]! += 1;
    },
    rows() {
      const used = [...endpoints.entries()].filter(([, { requests, lost }]) => requests + lost > 0);
      return {
        minutes: inOrder(minutes),
        hours: inOrder(hours),
        endpoints: used.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
      };
    },
  };
}

/** What the endpoint was asked: not what the gateway refused or knew, nor what its client gave up, nor what was lost with a gateway. */
function addAnswer(row: EndpointRow, event: UsageEvent): void {
  const { forwarded, status, first_token_ms: firstMs, latency_ms: wholeMs } = event;
  if (!forwarded || status === 499) return;
  if (status === 598) {
    row.lost += 1;
    return;
  }
  row.requests += 1;
  if (status >= 500) row.errors += 1;
  else if (status < 400) row.answer[bucketOf(Math.round(firstMs ?? wholeMs))]! += 1;
}

function add(sums: Sums & { pico: Pico }, event: UsageEvent, cost: Pico): void {
  sums.requests += 1;
  if (event.status >= 500) sums.errors += 1;
  if (isRefused(event)) sums.refused += 1;
  if (event.cached) sums.cached += 1;
  sums.prompt_tokens += event.prompt_tokens;
  sums.completion_tokens += event.completion_tokens;
  sums.pico += cost;
}

const nothing = () => ({
  requests: 0,
  errors: 0,
  refused: 0,
  cached: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  cost: '0',
  pico: 0n,
});

function minuteOf(rows: Map<string, MinuteRow & { pico: Pico }>, event: UsageEvent, time: number) {
  const start = Math.floor(time / minuteMs) * minuteMs;
  const { environment, route } = event;
  const key = `${start}\0${environment}\0${route}`;
  let row = rows.get(key);
  if (row === undefined) {
    const minute = new Date(start).toISOString();
    row = { minute, environment, route, ...nothing(), latency: emptyHistogram(), first_token: emptyHistogram() };
    rows.set(key, row);
  }
  return row;
}

function hourOf(rows: Map<string, HourRow & { pico: Pico }>, event: UsageEvent, time: number) {
  const start = Math.floor(time / hourMs) * hourMs;
  const { team, project, user_id, api_key_id, route, environment, endpoint_id, model_id, model_name } = event;
  // no text that came to the database holds NUL
  const key = `${start}\0${team ?? '\0'}\0${project ?? '\0'}\0${user_id}\0${api_key_id ?? '\0'}\0${route}\0${environment}\0${endpoint_id ?? '\0'}\0${model_id ?? '\0'}\0${model_name ?? '\0'}`;
  let row = rows.get(key);
  if (row === undefined) {
    const names = { team, project, user_id, api_key_id, route, environment, endpoint_id, model_id, model_name };
    row = { hour: new Date(start).toISOString(), ...names, ...nothing(), latency_ms: 0 };
    rows.set(key, row);
  }
  return row;
}

function endpointOf(rows: Map<string, EndpointRow>, event: UsageEvent, time: number): EndpointRow | null {
  const { endpoint_id: id, environment, route } = event;
  if (id === null) return null;
  const start = Math.floor(time / hourMs) * hourMs;
  const key = `${start}\0${id}\0${environment}`;
  let row = rows.get(key);
  if (row === undefined) {
    const hour = new Date(start).toISOString();
    row = { hour, endpoint_id: id, environment, route, requests: 0, errors: 0, lost: 0, answer: emptyHistogram() };
    rows.set(key, row);
  }
  row.route = route;
  return row;
}

function inOrder<T extends Sums>(rows: Map<string, T & { pico: Pico }>): T[] {
  const keys = [...rows.keys()].sort();
  return keys.map((key) => {
    const { pico, ...row } = rows.get(key)!;
    return { ...(row as unknown as T), cost: formatMoney(pico) };
  });
}
