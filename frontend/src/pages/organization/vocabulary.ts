import type { ClusterReadiness, OrganizationModel, UnmanagedModel } from '@llm-ops/contracts';
import { ApiError } from '@llm-ops/sdk';

export type { ClusterReadiness, OrganizationModel };
export type AnyModel = OrganizationModel | UnmanagedModel;

/** The words that the rest of the site has for the same states. */
const words: Partial<Record<AnyModel['status'], string>> = { creating: 'deploying', running: 'healthy' };
const statusWord = (status: AnyModel['status']): string => words[status] ?? status;

/** A new model that waits for approval, or was rejected: its change has its id, and nothing of it exists. */
export const isAsked = (model: AnyModel): boolean => model.managed && model.change_request?.id === model.id;
export const changePath = (model: AnyModel): string | null =>
  model.managed && model.change_request ? `/serving/changes/${model.change_request.id}` : null;
/** Of one that is not there, where its change is. */
export const statusOf = (model: AnyModel): string =>
  model.managed && model.change_request?.id === model.id ? model.change_request.status : statusWord(model.status);

export const isUnsettled = (model: AnyModel): boolean =>
  !isAsked(model) && (model.status === 'creating' || model.status === 'degraded' || model.status === 'deleting');

/** Not a failure but where one is: there is no cluster for models. */
export const isOutside = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'organization_model_unavailable';
