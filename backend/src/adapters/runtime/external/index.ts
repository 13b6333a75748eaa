import { isDeepStrictEqual } from 'node:util';
import { isFailure } from '#platform/errors';
import type { Egress } from '#platform/egress';
import type { Address, Condition, Preflight, PreflightCheck, RevisionSpec, Runtime } from '#ports/runtime';
import { targetOf, type Providers } from './providers.ts';
import { words } from './sentences.ts';

export { createConnectionTest } from './connection.ts';

interface Deps {
  providers: Providers;
  /** the key that the catalog keeps for this model; null when it has none */
  secret(modelId: string): Promise<string | null>;
  egress: Pick<Egress, 'check'>;
  now?: () => Date;
}

interface Entry {
  spec: RevisionSpec;
  address: Address | null;
  conditions: Condition[];
  /** when the key was read */
  readAt: number;
}

/** A key that was changed in the catalog is used after at most this long, where revisions are observed. */
const KEY_MS = 5_000;

/**
 * Revisions served by somebody else: nothing is started, so a revision is ready as soon as it is applied. Addresses come from users: whoever calls them does so through the egress.
 */
export function createExternalRuntime({ providers, secret, egress, now = () => new Date() }: Deps): Runtime {
  const entries = new Map<string, Entry>();

  return {
    kind: 'external',

    plan(spec) {
      const target = targetOf(providers, spec.model.metadata);
      const known = !('reason' in target);
      return {
        kind: 'external',
        revisionId: spec.revisionId,
        warnings: known ? [] : [target.message],
        manifests: [
          {
            kind: 'ExternalModel',
            name: `serving-${spec.endpointId}`,
            revision: spec.number,
            environment: spec.environment,
            provider: known ? target.provider.kind : null,
            baseUrl: known ? target.baseUrl : null,
            model: known ? target.model : null,
          },
        ],
      };
    },

    apply: (_plan, spec) => record(spec),

    async observe(revisionId) {
      const before = entries.get(revisionId);
      // an observation must not fail because the key cannot be read just now; the last one is kept
      if (before && now().getTime() - before.readAt >= KEY_MS) await record(before.spec).catch(() => undefined);
      const entry = entries.get(revisionId);
      const count = entry?.address ? 1 : 0;
      return {
        phase: entry === undefined ? 'absent' : entry.address === null ? 'failed' : 'ready',
        replicas: { total: count, ready: count, available: count },
        conditions: entry?.conditions ?? [],
      };
    },

    async remove(revisionId) {
      entries.delete(revisionId);
    },

    address: (revisionId) => entries.get(revisionId)?.address ?? null,

    addresses(revisionId) {
      const address = entries.get(revisionId)?.address ?? null;
      return address === null ? [] : [address];
    },

    logs: async () => [],

    async preflight(spec): Promise<Preflight> {
      const target = targetOf(providers, spec.model.metadata);
      if ('reason' in target) {
        const check: PreflightCheck = {
          name: 'provider',
          level: 'red',
          message: target.message,
          remedy: target.remedy,
          said: target.said,
        };
        return { level: 'red', checks: [check], memory: null };
      }
      const checks: PreflightCheck[] = [
        {
          name: 'provider',
          level: 'green',
          remedy: null,
          ...words.tell('known', { provider: target.provider.kind, known: Object.keys(providers) }),
        },
        await addressCheck(target.baseUrl),
      ];
      const key = target.provider.keyless ? 'not needed' : await secret(spec.model.id);
      if (key === null) {
        checks.push({
          name: 'key',
          level: 'red',
          ...words.tell('key_missing'),
        });
      }
      const levels = checks.map((check) => check.level);
      const level = levels.includes('red') ? 'red' : levels.includes('amber') ? 'amber' : 'green';
      return { level, checks, memory: null };
    },

    list: async () => [...entries.keys()],

    async close() {
      entries.clear();
    },
  };

  async function record(spec: RevisionSpec): Promise<void> {
    const target = targetOf(providers, spec.model.metadata);
    const readAt = now().getTime();
    const before = entries.get(spec.revisionId);
    const since = before?.conditions[0]?.since ?? now().toISOString();
    if ('reason' in target) {
      entries.set(spec.revisionId, { spec, readAt, address: null, conditions: [{ type: 'Failed', ...target, since }] });
      return;
    }
    const { provider, baseUrl, model } = target;
    const key = await secret(spec.model.id);
    // removed or applied anew while the key was read
    if (entries.get(spec.revisionId) !== before) return;
    const keyMissing: Condition = {
      type: 'Warning',
      reason: 'ProviderKeyMissing',
      ...words.tell('key_wanted', { provider: provider.kind }),
      since,
    };
    const address: Address = { baseUrl, provider: provider.kind, headers: provider.headers(key), model };
    entries.set(spec.revisionId, {
      spec,
      readAt,
      // callers know an upstream by this object: connections and breakers hang on it
      address: isDeepStrictEqual(before?.address, address) ? before!.address : address,
      conditions: key === null && !provider.keyless ? [keyMissing] : [],
    });
  }

  async function addressCheck(baseUrl: string): Promise<PreflightCheck> {
    try {
      await egress.check(baseUrl);
      const told = words.tell('reachable', { host: new URL(baseUrl).host });
      return { name: 'address', level: 'green', remedy: null, ...told };
    } catch (error) {
      if (!isFailure(error)) throw error;
      // a refusal stays, an outage passes
      const level = error.code === 'egress_refused' ? 'red' : 'amber';
      return { name: 'address', level, message: error.message, remedy: error.remedy, said: error.said };
    }
  }
}
