import type { ClusterReadiness, OrganizationModel, UnmanagedModel } from '@llm-ops/contracts';
import { ApiError } from '@llm-ops/sdk';

export type { ClusterReadiness, OrganizationModel };
export type AnyModel = OrganizationModel | UnmanagedModel;

/** The words that the rest of the site has for the same states. */
const words: Partial<Record<AnyModel['status'], string>> = { creating: 'deploying', running: 'healthy' };
export const statusWord = (status: AnyModel['status']): string => words[status] ?? status;

export const isUnsettled = ({ status }: Pick<AnyModel, 'status'>): boolean =>
  status === 'creating' || status === 'degraded' || status === 'deleting';

/** Not a failure but where one is: there is no cluster for models. */
export const isOutside = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'organization_model_unavailable';
