import type { ModelStatus, ModelType, Permission } from '@llm-ops/contracts';

export const modelTypes = ['base', 'fine-tuned', 'external'] as const satisfies readonly ModelType[];
export const modelStatuses = [
  'draft',
  'under_review',
  'approved',
  'rejected',
  'deprecated',
] as const satisfies readonly ModelStatus[];

interface Step {
  to: ModelStatus;
  /** key in `catalog.transition` */
  action: string;
  permission: Permission;
}
const steps: Record<ModelStatus, Step[]> = {
  draft: [{ to: 'under_review', action: 'submit', permission: 'model:write' }],
  under_review: [
    { to: 'approved', action: 'approve', permission: 'model:approve' },
    { to: 'rejected', action: 'reject', permission: 'model:approve' },
    { to: 'draft', action: 'request_changes', permission: 'model:approve' },
  ],
  approved: [{ to: 'deprecated', action: 'deprecate', permission: 'model:write' }],
  rejected: [{ to: 'draft', action: 'reopen', permission: 'model:write' }],
  deprecated: [{ to: 'under_review', action: 'submit', permission: 'model:write' }],
};

/** Where a model can go from its status; the platform decides, this is what is offered. */
export const stepsFrom = (status: ModelStatus): Step[] => steps[status];

/** May its card be changed, and may files be added? */
export const takesCard = (status: ModelStatus) => status === 'draft';
export const takesFiles = (status: ModelStatus) =>
  status === 'draft' || status === 'under_review' || status === 'approved';
