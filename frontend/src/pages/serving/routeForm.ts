import type { ArgumentsOf, Tables } from '@llm-ops/sdk';
import type { Environment } from '@llm-ops/contracts';
import type { RoutePlan } from './routePlan.ts';
import type { Route } from './vocabulary.ts';

export type RouteCreate = ArgumentsOf<Tables['createRoute']>['body'];
export type RetryCause = Route['retry']['on'][number];
export const retryCauses = ['connect', 'busy', 'error', 'timeout'] as const satisfies readonly RetryCause[];

/** An emptied number field is undefined or null, by the widget. */
type Given = number | null | undefined;
export interface TimeoutFields {
  connectMs: Given;
  firstTokenMs: Given;
  idleMs: Given;
}
export interface TargetFields {
  /** tells rows of the form apart */
  key: number;
  endpointId: string | undefined;
  revision: Given;
  weight: Given;
  priority: Given;
  timeouts: TimeoutFields;
}
export interface RouteForm {
  name: string;
  environment: Environment;
  enabled: boolean;
  targets: TargetFields[];
  attempts: Given;
  on: RetryCause[];
  timeouts: TimeoutFields;
  cacheSeconds: Given;
  requestsPerMinute: Given;
  tokensPerMinute: Given;
  defaultMaxTokens: Given;
  capture: boolean;
}

let lastKey = 0;
const timeoutFields = (given: Partial<Record<keyof TimeoutFields, number>> | null): TimeoutFields => ({
  connectMs: given?.connectMs,
  firstTokenMs: given?.firstTokenMs,
  idleMs: given?.idleMs,
});

export function emptyTarget(priority = 0): TargetFields {
  lastKey += 1;
  return {
    key: lastKey,
    endpointId: undefined,
    revision: undefined,
    weight: 100,
    priority,
    timeouts: timeoutFields(null),
  };
}

/** The form of a route as it is; of a new one without it. */
export function formOf(route: Route | null): RouteForm {
  return {
    name: route?.name ?? '',
    environment: route?.environment ?? 'dev',
    enabled: route?.enabled ?? true,
    targets: route?.targets.map((target) => ({
      ...emptyTarget(),
      ...target,
      timeouts: timeoutFields(target.timeouts),
    })) ?? [emptyTarget()],
    attempts: route?.retry.attempts ?? 1,
    on: [...(route?.retry.on ?? ['connect', 'busy'])],
    timeouts: timeoutFields(route?.timeouts ?? null),
    cacheSeconds: route?.cache?.ttlSeconds,
    requestsPerMinute: route?.limits?.requestsPerMinute,
    tokensPerMinute: route?.limits?.tokensPerMinute,
    defaultMaxTokens: route?.limits?.defaultMaxTokens,
    capture: route?.capture.content ?? false,
  };
}

/** Without the fields that are empty; null when all are. */
function givenOf<K extends string>(fields: Record<K, Given>): Partial<Record<K, number>> | null {
  const given = Object.entries<Given>(fields).filter(([, value]) => typeof value === 'number');
  return given.length === 0 ? null : (Object.fromEntries(given) as Partial<Record<K, number>>);
}

/** What the form says, as a change of a route: everything but name and environment, which stay. */
export function patchOf(form: RouteForm): Omit<RouteCreate, 'name' | 'environment'> {
  const { requestsPerMinute, tokensPerMinute, defaultMaxTokens } = form;
  return {
    enabled: form.enabled,
    targets: form.targets.flatMap(({ endpointId, revision, weight, priority, timeouts }) =>
      endpointId === undefined
        ? []
        : [
            {
              endpointId,
              revision: revision ?? null,
              weight: weight ?? 0,
              priority: priority ?? 0,
              timeouts: givenOf({ ...timeouts }),
            },
          ],
    ),
    retry: { attempts: form.attempts ?? 0, on: retryCauses.filter((cause) => form.on.includes(cause)) },
    timeouts: givenOf({ ...form.timeouts }) ?? {},
    cache: form.cacheSeconds ? { ttlSeconds: form.cacheSeconds } : null,
    limits: givenOf({ requestsPerMinute, tokensPerMinute, defaultMaxTokens }),
    capture: { content: form.capture },
  };
}

export const createOf = (form: RouteForm): RouteCreate => ({
  name: form.name.trim(),
  environment: form.environment,
  ...patchOf(form),
});

/** What would happen if it were saved now, for `explainRoute`. */
export function planOf(form: RouteForm): RoutePlan {
  const { enabled, targets, retry, timeouts, cache, limits, capture } = patchOf(form);
  return {
    enabled: enabled ?? true,
    targets: targets.map((target) => ({
      endpointId: target.endpointId,
      revision: target.revision ?? null,
      weight: target.weight ?? 100,
      priority: target.priority ?? 0,
      timeouts: target.timeouts ?? null,
    })),
    retry: { attempts: retry?.attempts ?? 0, on: retry?.on ?? [] },
    timeouts: timeouts ?? {},
    cache: cache ?? null,
    limits: limits ?? null,
    capture: capture ?? { content: false },
  };
}

/** What keeps the form from being sent; a key of `serving.routes.fault`. */
export type RouteFormFault = 'target' | 'twice' | 'weight';

export function faultOf(form: RouteForm): RouteFormFault | null {
  const { targets } = form;
  if (targets.length === 0 || targets.some(({ endpointId }) => endpointId === undefined)) return 'target';
  const identities = targets.map(({ endpointId, revision, priority }) =>
    [endpointId, revision ?? '', priority].join(' '),
  );
  if (new Set(identities).size < identities.length) return 'twice';
  return targets.every(({ weight }) => !weight) ? 'weight' : null;
}
