import type { AibrixModel, RevisionSpec } from '#ports/runtime';
import type { Naming } from '../cluster/events.ts';
import { endpointLabel, type Deployment } from '../cluster/objects.ts';
import { modelLabel } from '../flavour.ts';

/** What the platform's settings say about models of organizations. */
export interface ModelsConfig {
  /** of all models of organizations in `environment`; those promoted to another are in `{namespace}-{environment}` */
  namespace: string;
  environment: 'dev' | 'stg' | 'prod';
}

export interface ModelNames {
  namespace: string;
  /** Service and ServiceMonitor; AIBrix wants the Service's name to be the model's */
  model: string;
  deployment: string;
  /** the headless Service by which the pods of a revision are found */
  pods: string;
  autoscaler: string;
  claim: string;
  secret: string;
}

export const managedLabel = 'jan-server.menlo.ai/managed';

/** The model of a revision. Throws for one that was not made for AIBrix. */
export function modelOf(spec: Pick<RevisionSpec, 'aibrix' | 'revisionId'>): AibrixModel {
  if (!spec.aibrix) throw new Error(`revision ${spec.revisionId} is not one of AIBrix`);
  return spec.aibrix;
}

export const namespaceIn = (environment: string, config: ModelsConfig): string =>
  environment === config.environment ? config.namespace : `${config.namespace}-${environment}`;

/** The first revision has the model's own name, those beside it a suffix. */
export function modelNamesOf(
  spec: Pick<RevisionSpec, 'aibrix' | 'revisionId' | 'number' | 'environment'>,
  config: ModelsConfig,
): ModelNames {
  const { name, storage } = modelOf(spec);
  const deployment = spec.number === 1 ? name : `${name}-r${spec.number}`;
  return {
    namespace: namespaceIn(spec.environment, config),
    model: name,
    deployment,
    pods: `${name}-r${spec.number}-pods`,
    autoscaler: `${deployment}-autoscaler`,
    claim: claimNameOf(name, spec.number, storage),
    secret: `${name}-hugging-face`,
  };
}

/**
 * A volume for one node cannot be mounted by the pod of the next revision on another: then each revision has its own. The class of a claim
 * cannot change: another class is another claim.
 */
function claimNameOf(name: string, revision: number, storage: AibrixModel['storage']): string {
  if (storage?.shared !== true) return `${name}-r${revision}-models`;
  return storage.className === null ? `${name}-models` : `${name}-models-${storage.className}`;
}

/** What follows a model's name in those of its objects, of their replica sets and pods (Kubernetes makes these without vowels). */
const rest =
  /^(?:-r(\d+))?(?:-pods|-autoscaler|-models(?:-.+)?|-hugging-face|-[bcdf-hj-np-tv-xz24-9]{6,10}(?:-[bcdf-hj-np-tv-xz24-9]{5})?)?$/;

/** Objects of models are told by the names of the models that there are; of two that fit, the longer is meant. */
export function modelNaming(deployments: () => Iterable<Deployment>): Naming {
  return (object) => {
    let best: { model: string; endpoint: string; revision: number | null } | null = null;
    for (const { metadata } of deployments()) {
      const model = metadata.labels?.[modelLabel];
      const endpoint = metadata.labels?.[endpointLabel];
      if (model === undefined || endpoint === undefined || !object.startsWith(model)) continue;
      const found = rest.exec(object.slice(model.length));
      if (found === null || (best !== null && best.model.length >= model.length)) continue;
      best = { model, endpoint, revision: found[1] === undefined ? null : Number(found[1]) };
    }
    return best;
  };
}
