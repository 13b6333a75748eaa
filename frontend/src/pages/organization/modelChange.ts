import { reactive } from 'vue';
import { emptyPlan, type PlanForm } from '../serving/change/planForm.ts';
import { plansOf, type Preview, type Request, submitted } from '../serving/change/requests.ts';

export type ModelRequest = Extract<Request, { kind: 'create-model' | 'update-model' }>;

/** What is said of a change of prod beside what is changed. */
export interface ModelChange {
  plan: PlanForm;
  /** what was found of it; null: not known yet */
  preview: Preview | null;
  rollbackPlan: string;
  parityNote: string;
}

export const newModelChange = (): ModelChange =>
  reactive({ plan: emptyPlan(), preview: null, rollbackPlan: '', parityNote: '' });

/** What of it the request carries; the plans are among it where they are asked for. */
export const explained = ({ plan, preview, rollbackPlan, parityNote }: ModelChange) => ({
  ...(rollbackPlan.trim() === '' ? {} : { rollbackPlan: rollbackPlan.trim() }),
  ...(parityNote.trim() === '' ? {} : { parityNote: parityNote.trim() }),
  ...plansOf(preview, plan),
});

/** Submits it where somebody else must approve it: answers the address of the change; null: it may be carried out at once. */
export const submittedModel = (request: ModelRequest, change: ModelChange): Promise<string | null> =>
  submitted(change.preview, { ...request, ...explained(change) }, change.plan);
