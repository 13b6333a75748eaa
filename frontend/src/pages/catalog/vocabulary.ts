import type { ModelStatus, ModelType } from '@llm-ops/contracts';

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
  /** what of the model or dataset one must be allowed to do: `model:write` */
  needs: 'write' | 'approve';
}
const steps: Record<ModelStatus, Step[]> = {
  draft: [{ to: 'under_review', action: 'submit', needs: 'write' }],
  under_review: [
    { to: 'approved', action: 'approve', needs: 'approve' },
    { to: 'rejected', action: 'reject', needs: 'approve' },
    { to: 'draft', action: 'request_changes', needs: 'approve' },
  ],
  approved: [{ to: 'deprecated', action: 'deprecate', needs: 'write' }],
  rejected: [{ to: 'draft', action: 'reopen', needs: 'write' }],
  deprecated: [{ to: 'under_review', action: 'submit', needs: 'write' }],
};

/** Where a model or dataset can go from its status; the platform decides, this is what is offered. */
export const stepsFrom = (status: ModelStatus): Step[] => steps[status];

/** May its card be changed, and may files be added? */
export const takesCard = (status: ModelStatus) => status === 'draft';
export const takesFiles = (status: ModelStatus) =>
  status === 'draft' || status === 'under_review' || status === 'approved';
