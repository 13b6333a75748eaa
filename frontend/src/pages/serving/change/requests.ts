import type { changeRoutes, DataOf } from '@llm-ops/contracts';
import { servingClient } from '../../../services/servingClient.ts';
import { planOf, type PlanForm } from './planForm.ts';

export type Request = Parameters<typeof servingClient.previewChange>[0];
export type Preview = DataOf<(typeof changeRoutes)['previewChange']>;

/** What a parity note must explain, as it was found before anything was tried; null: nothing. */
export const foundDrift = (preview: Preview | null) => (preview?.differences.length ? preview.differences : null);

/** The plans, where they are asked for, or somebody wrote them all the same. */
export const plansOf = (preview: Preview | null, form: PlanForm, written = false) =>
  preview?.planRequired || written ? { change: planOf(form) } : {};

/** Submits it where somebody else must approve it: answers the address of the change; null: it may be carried out at once. */
export async function submitted(preview: Preview | null, request: Request, form: PlanForm): Promise<string | null> {
  if (!preview?.approvalRequired) return null;
  const { data } = await servingClient.submitChange({ ...request, ...plansOf(preview, form) });
  return `/serving/changes/${data.id}`;
}
