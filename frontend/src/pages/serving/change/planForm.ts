import type { ChangePlan } from '@llm-ops/contracts';
import { told } from '../../../ui/said.ts';
import type { Preview } from './requests.ts';

export const backupFields = ['kept', 'restore', 'verification'] as const;
export const procedureFields = ['steps', 'contact', 'rollbackCriteria', 'informed'] as const;
export type TextField = (typeof backupFields)[number] | (typeof procedureFields)[number];

/** Backup plan and maintenance procedure as they are typed; times are local, as the browser's own field gives them. */
export type PlanForm = Record<TextField | 'startsAt' | 'endsAt', string>;

export const emptyPlan = (): PlanForm => ({
  kept: '',
  restore: '',
  verification: '',
  startsAt: '',
  endsAt: '',
  steps: '',
  contact: '',
  rollbackCriteria: '',
  informed: '',
});
export const isUntouched = (form: PlanForm): boolean => Object.values(form).every((value) => value.trim() === '');
/** What nobody has changed since it was proposed follows a new proposal: another environment has another. */
export function proposedAnew(form: PlanForm, before: PlanForm, now: PlanForm): PlanForm {
  const next = { ...form };
  for (const field of Object.keys(next) as (keyof PlanForm)[]) {
    if (form[field] === before[field]) next[field] = now[field];
  }
  return next;
}

const pad = (part: number) => String(part).padStart(2, '0');
/** `2026-01-02T03:04` of here */
export function localOf(time: string): string {
  const at = new Date(time);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}
/** What is no time stays as it was typed, so that the platform names the field. */
const timeOf = (local: string): string => (Number.isNaN(Date.parse(local)) ? local : new Date(local).toISOString());

/** What the platform proposes, in the language in use. */
export function proposedIn(plan: ChangePlan, said: Preview['planSaid'] | undefined): ChangePlan {
  const backup = { ...plan.backup, said: said?.backup };
  const maintenance = { ...plan.maintenance, said: said?.maintenance };
  return {
    backup: {
      kept: told(backup, 'kept'),
      restore: told(backup, 'restore'),
      verification: told(backup, 'verification'),
    },
    maintenance: {
      ...plan.maintenance,
      steps: told(maintenance, 'steps'),
      contact: told(maintenance, 'contact'),
      rollbackCriteria: told(maintenance, 'rollbackCriteria'),
      informed: told(maintenance, 'informed'),
    },
  };
}

export function formOf({ backup, maintenance }: ChangePlan): PlanForm {
  return {
    ...backup,
    ...maintenance,
    startsAt: localOf(maintenance.startsAt),
    endsAt: localOf(maintenance.endsAt),
  };
}

export function planOf(form: PlanForm): ChangePlan {
  const { kept, restore, verification, startsAt, endsAt, steps, contact, rollbackCriteria, informed } = form;
  return {
    backup: { kept, restore, verification },
    maintenance: { startsAt: timeOf(startsAt), endsAt: timeOf(endsAt), steps, contact, rollbackCriteria, informed },
  };
}

/** Where a field is in the request. */
export const pathOf = (field: keyof PlanForm): string =>
  `change.${(backupFields as readonly string[]).includes(field) ? 'backup' : 'maintenance'}.${field}`;
