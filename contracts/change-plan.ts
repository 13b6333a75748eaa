import { z } from 'zod';
import { Text, TimeIn } from './common.ts';
import { sentences } from './sentences.ts';

const said = Text.trim().min(1, sentences.empty);

/** What is kept before a change and how it comes back. */
export const BackupPlan = z.object({
  kept: said.describe('What is kept, and where.'),
  restore: said.describe('How it is restored, step by step.'),
  verification: said.describe('How it was or will be verified that the restore works.'),
});
/** When and how a change is made, and when it is given up. */
export const MaintenanceProcedure = z
  .object({
    startsAt: TimeIn,
    endsAt: TimeIn,
    steps: said,
    contact: said.describe('Who is called when it goes wrong.'),
    rollbackCriteria: said.describe('What is seen when it must be taken back.'),
    informed: said.describe('Who is told before and after.'),
  })
  .refine(({ startsAt, endsAt }) => endsAt > startsAt, { path: ['endsAt'], message: sentences.ends_after_start });
/** What reviewers of a deployment read beside what is computed: required for prod, kept with the revision for good. */
export const ChangePlan = z.object({ backup: BackupPlan, maintenance: MaintenanceProcedure });
export type ChangePlan = z.infer<typeof ChangePlan>;

export const changeStatuses = ['open', 'approved', 'rejected', 'changes_requested', 'applied', 'withdrawn'] as const;
export const ChangeStatus = z.enum(changeStatuses);
export type ChangeStatus = z.infer<typeof ChangeStatus>;
