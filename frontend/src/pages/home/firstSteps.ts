import type { Endpoint, Model, Permission } from '@llm-ops/contracts';

export interface FirstStep {
  /** key in `shell.home` */
  key: 'register' | 'upload' | 'submit' | 'approve' | 'deploy' | 'chat';
  done: boolean;
  permission: Permission;
  to: string;
}

/**
 * Which of the first steps are behind us, seen from what is there. Any later state counts for the steps before it. `requests` is null for
 * who may not know of them: an endpoint counts as asked.
 */
export function firstSteps(
  models: readonly Model[],
  endpoints: readonly Endpoint[],
  requests: number | null,
): FirstStep[] {
  const newest = models[0];
  const hasFiles = (model: Model) => model.type === 'external' || model.files.length > 0;
  const healthy = endpoints.find((endpoint) => endpoint.status === 'healthy') ?? endpoints[0];
  const approved = models.find((model) => model.status === 'approved');
  const deployed = endpoints.length > 0;
  const submitted = models.some((model) => model.status !== 'draft');
  const newestAt = (tab = '') => (newest ? `/catalog/models/${newest.id}${tab}` : '/catalog/models/new');
  return [
    { key: 'register', permission: 'model:write', done: models.length > 0, to: '/catalog/models/new' },
    {
      key: 'upload',
      permission: 'model:write',
      done: deployed || models.some(hasFiles),
      to: newestAt(newest?.type === 'external' ? '' : '?tab=files'),
    },
    { key: 'submit', permission: 'model:write', done: deployed || submitted, to: newestAt() },
    { key: 'approve', permission: 'model:approve', done: deployed || approved !== undefined, to: '/catalog/approvals' },
    {
      key: 'deploy',
      permission: 'endpoint:deploy',
      done: deployed,
      to: `/serving/endpoints/deploy${approved ? `?modelId=${approved.id}` : ''}`,
    },
    {
      key: 'chat',
      permission: 'inference:call',
      done: requests === null ? deployed : requests > 0,
      to: `/serving/chat${healthy ? `/${healthy.id}` : ''}`,
    },
  ];
}
