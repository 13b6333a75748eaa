import type { Change, OrganizationModel } from '@llm-ops/contracts';
import type { FaceRequest, Pending } from '#domains/serving';
import { saidOf } from './face.ts';
import { resolve, wishOf, type ModelsSettings } from './rules.ts';
import { modelView } from './view.ts';

/** A new model that is asked for and not there. */
export interface NewPending {
  change: Change;
  request: Omit<Extract<FaceRequest, { kind: 'create-model' }>, 'organization'>;
}

export const isNew = (pending: Pending): pending is Pending & NewPending => pending.request.kind === 'create-model';

/** As it would be: nothing of it exists before its change is applied. Of one that was rejected, what was not to be. */
export function waitingView({ change, request }: NewPending, settings: ModelsSettings): OrganizationModel {
  const { spec, scale } = resolve(request.name, wishOf(request), settings);
  const { minReplicas, maxReplicas, autoscale } = scale;
  const { id, modelId, modelName, environment, team, submittedAt } = change;
  return modelView(
    {
      endpoint: {
        id,
        modelId,
        modelName,
        environment,
        team,
        minReplicas,
        maxReplicas,
        status: change.status === 'rejected' ? 'failed' : 'deploying',
        conditions: [],
        replicas: { total: 0, ready: 0, available: 0 },
        createdAt: submittedAt,
        updatedAt: submittedAt,
      },
      spec,
      autoscale,
      manifests: [{ kind: 'Deployment', metadata: { name: request.name, namespace: settings.namespace } }],
    },
    { ...saidOf(request), updated_at: new Date(change.submittedAt) },
    change,
  );
}
