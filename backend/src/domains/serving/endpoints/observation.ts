import { setTimeout as wait } from 'node:timers/promises';
import type {
  DataOf,
  Endpoint,
  EndpointEvent,
  observationRoutes,
  Pod,
  QueryOf,
  servingRoutes,
} from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import type { Db } from '#platform/db';
import { failure } from '#platform/errors';
import type { EventAnswer, ServerEvent } from '#platform/http';
import type { Insight } from '#ports/insight';
import type { Drifted, Runtime } from '#ports/runtime';
import { admitted } from '../guard.ts';
import { concealer, shownValue } from '../redact.ts';
import {
  findEndpoint,
  findRevision,
  revisionsOf,
  type EndpointWithTarget,
  type RevisionRow,
} from '../store/endpoints.ts';
import type { ServingConfig } from '../types.ts';
import { revisionEvents } from '../views.ts';
import { plannedRevision, scaledSpec } from '../manifests/manifests.ts';

type Routes = typeof observationRoutes;
type LogsQuery = QueryOf<(typeof servingRoutes)['getEndpointLogs']>;

interface ObservationDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  config: ServingConfig;
}

/** how often what is live is looked at; a look costs no request to a cluster */
const lookMs = 1_000;

/** What runs for an endpoint and what happened to it: pods, events, logs, drift. */
export function createObservation({ db, runtimes, config }: ObservationDeps) {
  const see = async (access: Access, id: string) => admitted(access, await findEndpoint(db.kysely, id));
  const insightOf = ({ runtime }: { runtime: string }): Insight | null => runtimes[runtime]?.insight ?? null;
  const conceal = (spec: RevisionRow['spec']) => concealer(spec, config.secrets);

  /** Those that something may be left of. */
  const present = async (id: string) => (await revisionsOf(db.kysely, id)).filter((row) => row.removed_at === null);

  async function eventsOf(row: EndpointWithTarget): Promise<EndpointEvent[]> {
    const revisions = await revisionsOf(db.kysely, row.id);
    const told = (await insightOf(row)?.events({ endpointId: row.id, environment: row.environment })) ?? [];
    const plain = conceal(row.spec);
    const all = [...revisions.flatMap(revisionEvents), ...told];
    return all
      .map((event) => ({ ...event, message: plain(event.message) }))
      .toSorted((a, b) => b.lastSeen.localeCompare(a.lastSeen) || b.id.localeCompare(a.id))
      .slice(0, 500);
  }

  async function* liveEvents(access: Access, id: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const sent = new Map<string, string>();
    while (!signal.aborted) {
      const events = await eventsOf(await see(access, id));
      for (const event of events.toReversed()) {
        const state = `${event.count} ${event.lastSeen} ${event.message}`;
        if (sent.get(event.id) === state) continue;
        sent.set(event.id, state);
        yield { name: 'event', data: event };
      }
      await wait(lookMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async function revisionOf(row: EndpointWithTarget, number: number | undefined): Promise<RevisionRow> {
    const revision = await findRevision(db.kysely, row.id, number ?? (row.live_revision || row.target_revision));
    if (!revision) throw failure('revision_not_found');
    return revision;
  }

  const logQuery = ({ lines, pod, container, previous }: LogsQuery) => ({
    pod: pod ?? null,
    container: container ?? null,
    previous: previous ?? false,
    lines,
  });

  return {
    async pods(access: Access, id: string): Promise<Pod[]> {
      await see(access, id);
      const found = (await present(id)).map(async (revision) => {
        const pods = (await insightOf(revision)?.pods(revision.id)) ?? [];
        return pods.map((pod) => ({ ...pod, revision: revision.number }));
      });
      return (await Promise.all(found)).flat();
    },

    events: async (access: Access, id: string): Promise<EndpointEvent[]> => eventsOf(await see(access, id)),

    async followEvents(access: Access, id: string): Promise<EventAnswer> {
      await see(access, id);
      return { admit: (now) => see(now, id), events: (signal) => liveEvents(access, id, signal) };
    },

    async logs(
      access: Access,
      id: string,
      query: LogsQuery,
    ): Promise<DataOf<(typeof servingRoutes)['getEndpointLogs']>> {
      const row = await see(access, id);
      const revision = await revisionOf(row, query.revision);
      const insight = insightOf(revision);
      const named = query.pod !== undefined || query.container !== undefined || query.previous === true;
      const lines =
        revision.removed_at !== null
          ? []
          : named && insight !== null
            ? await insight.read(revision.id, logQuery(query))
            : ((await runtimes[revision.runtime]?.logs(revision.id, query.lines)) ?? []);
      // of one that was removed, what was kept of it
      const kept = named || lines.length > 0 ? lines : revision.last_logs.slice(-query.lines);
      return { revision: revision.number, lines: kept.map(conceal(revision.spec)) };
    },

    async followLogs(access: Access, id: string, query: LogsQuery): Promise<EventAnswer> {
      const revision = await revisionOf(await see(access, id), query.revision);
      const insight = insightOf(revision);
      const plain = conceal(revision.spec);
      const line = (text: string): ServerEvent => ({ name: 'line', data: { text: plain(text) } });
      const gone = revision.removed_at !== null || insight === null;
      if (query.pod !== undefined && !gone) {
        const pods = await insight.pods(revision.id);
        if (!pods.some(({ name }) => name === query.pod)) throw failure('pod_not_found');
      }
      return {
        admit: (now) => see(now, id),
        async *events(signal) {
          if (gone) for (const text of revision.last_logs.slice(-query.lines)) yield line(text);
          else for await (const text of insight.follow(revision.id, logQuery(query), signal)) yield line(text);
        },
      };
    },

    async drift(access: Access, id: string): Promise<DataOf<Routes['getLiveDrift']>> {
      const row = await see(access, id);
      const revision = await revisionOf(row, undefined);
      const live = revision.number === row.live_revision;
      const runtime = runtimes[revision.runtime];
      const found = revision.removed_at === null ? runtime?.drift?.(scaledSpec(row, revision.spec, live)) : undefined;
      const plain = conceal(revision.spec);
      const wanted = found === undefined ? [] : plannedRevision(runtimes, row, revision, live).manifests;
      return {
        revision: revision.number,
        supported: found !== undefined,
        checkedAt: seenLast(row) ?? new Date().toISOString(),
        objects: wanted.map((manifest) => objectDrift(manifest, found ?? [], plain)),
      };
    },
  };
}

/** Since when its cluster cannot be reached; null: it can. What is known of its objects is from then. */
const seenLast = ({ conditions }: Pick<EndpointWithTarget, 'conditions'>): string | null =>
  (conditions as Endpoint['conditions']).find(({ type, reason }) => type === 'Cluster' && reason === 'Unreachable')
    ?.since ?? null;

type ObjectDrift = DataOf<Routes['getLiveDrift']>['objects'][number];

/** What of all that others have changed is about one object. */
function objectDrift(
  manifest: Record<string, unknown>,
  found: readonly Drifted[],
  conceal: (text: string) => string,
): ObjectDrift {
  const { kind, metadata } = manifest as { kind: string; metadata: { name: string } };
  const about = { kind, name: metadata.name };
  const drifted = found.filter(({ object }) => object === `${kind} ${metadata.name}`);
  const fields = drifted.filter(({ path }) => path !== '');
  const state = fields.length < drifted.length ? 'missing' : fields.length > 0 ? 'differs' : 'same';
  const differences = fields.map(({ path, wanted, found: is, by, at }) => ({
    ...about,
    path,
    change: 'changed' as const,
    before: shownValue(path, wanted, conceal),
    after: shownValue(path, is, conceal),
    by,
    at,
  }));
  return { ...about, state, differences };
}
