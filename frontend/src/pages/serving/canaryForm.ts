import type { servingClient } from '../../services/servingClient.ts';

type CanaryPlan = NonNullable<NonNullable<Parameters<(typeof servingClient)['redeployEndpoint']>[1]>['canary']>;

export interface CanaryForm {
  on: boolean;
  /** as people write them: `5, 25, 50` */
  steps: string;
  stepMinutes: number;
  minimumRequests: number;
  automatic: boolean;
}

export const newCanaryForm = (): CanaryForm => ({
  on: false,
  steps: '5, 25, 50',
  stepMinutes: 5,
  minimumRequests: 20,
  automatic: true,
});

/** What is sent; undefined: all the traffic at once. What is no number is left for the server to refuse, which names the field. */
export function canaryOf(form: CanaryForm): CanaryPlan | undefined {
  if (!form.on) return undefined;
  const { automatic, minimumRequests } = form;
  const steps = form.steps
    .split(/[\s,;%]+/)
    .filter((text) => text !== '')
    .map(Number);
  if (steps.at(-1) !== 100) steps.push(100);
  return { automatic, minimumRequests, stepSeconds: Math.round(form.stepMinutes * 60), steps };
}
