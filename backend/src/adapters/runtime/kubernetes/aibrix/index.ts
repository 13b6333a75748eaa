import { failure } from '#platform/errors';
import type { Logger } from '#platform/log';
import type { Condition, Observation, RevisionSpec } from '#ports/runtime';
import type { Census } from '../cluster/census.ts';
import type { ClusterClient } from '../cluster/client.ts';
import { modelLabel, type Flavour } from '../flavour.ts';
import { labelsOf } from '../pod.ts';
import { namesOf } from '../names.ts';
import { words } from '../sentences.ts';
import { followMonitors, hasMonitors } from './monitors.ts';
import { managedLabel, modelNaming, modelNamesOf, modelOf, namespaceIn } from './names.ts';
import type { Operators } from './operators.ts';
import { autoscalerKind, modelObjects, monitorKind, tokenVariable, type AibrixConfig } from './plan.ts';
import { modelPreflight } from './preflight.ts';

export interface AibrixDeps extends AibrixConfig {
  client: ClusterClient;
  census: Census;
  operators: Operators;
  /** The token of Hugging Face of an endpoint; null: none is kept. */
  tokenOf(endpointId: string): Promise<string | null>;
  log: Logger;
}

const claimKind = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
const serviceKind = { apiVersion: 'v1', kind: 'Service' };

/**
 * Models of organizations (document 004): by Deployments that AIBrix's PodAutoscaler scales. Without AIBrix's definitions the apply of a model
 * that scales fails with `cluster_crd_missing`; without the Prometheus operator there is no ServiceMonitor and a condition.
 */
export function aibrixFlavour(deps: AibrixDeps): Flavour {
  const { client, models, operators } = deps;
  const stopMonitors = followMonitors(deps);

  async function putToken(spec: RevisionSpec): Promise<void> {
    const { name, token: kept } = modelOf(spec);
    const { namespace, secret } = modelNamesOf(spec, models);
    if (kept === null) return;
    const token = await deps.tokenOf(spec.endpointId);
    if (token === null)
      throw failure('secret_unreadable', { message: `The Hugging Face token of ${name} is not kept any more.` });
    const labels = { ...labelsOf(spec, namesOf(spec, deps.config)), [modelLabel]: name, [managedLabel]: 'true' };
    await client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secret, namespace, labels },
      type: 'Opaque',
      stringData: { [tokenVariable]: token },
    });
  }

  return {
    kind: 'aibrix',
    selector: modelLabel,
    plan: (spec) => modelObjects(spec, deps),
    namespaceOf: (environment) => namespaceIn(environment, models),
    revisionKinds: [autoscalerKind, serviceKind, claimKind, { apiVersion: 'apps/v1', kind: 'Deployment' }],
    endpointKinds: [monitorKind, serviceKind, claimKind, { apiVersion: 'v1', kind: 'Secret' }],

    // not the ServiceMonitor, which comes later where its operator does: that is no drift
    owned: [serviceKind, claimKind, autoscalerKind],
    naming: (deployments) => modelNaming(deployments),
    // the first revision's
    unnumbered: 1,

    async prepare(spec) {
      if (spec.autoscale) await requireAibrix(operators);
      await putToken(spec);
      // what scaled it before no longer does
      const { namespace, autoscaler } = modelNamesOf(spec, models);
      if (!spec.autoscale) await client.remove(autoscalerKind, namespace, autoscaler);
    },
    async missing() {
      return new Set((await hasMonitors(operators)) ? [] : [monitorKind.kind]);
    },
    conditions: (seen) => unmonitored(seen, operators),
    preflight: (spec) => modelPreflight({ ...deps, operators: () => operators.list() }, spec),
    close: stopMonitors,
  };
}

async function requireAibrix(operators: Operators): Promise<void> {
  const aibrix = (await operators.list()).find(({ name }) => name === 'aibrix');
  if (aibrix?.installed === true) return;
  throw failure('cluster_crd_missing', {
    message: 'The cluster has no PodAutoscaler (autoscaling.aibrix.ai/v1alpha1): AIBrix is not installed.',
    remedy: 'Install AIBrix, or deploy with enable_autoscaling false.',
  });
}

const sinceStart = new Date().toISOString();

/** Of one that serves: while it starts, its own conditions say what holds it up. */
function unmonitored(seen: Observation, operators: Operators): Condition[] {
  const found = operators.seen()?.find(({ name }) => name === 'prometheus-operator');
  if (found === undefined || found.installed || (seen.phase !== 'ready' && seen.phase !== 'degraded')) return [];
  return [
    {
      type: 'Monitoring',
      reason: 'PrometheusOperatorMissing',
      ...words.tell('monitoring', { crd: found.crd }),
      since: sinceStart,
    },
  ];
}
