import type { ChangePlan } from '../../contracts/index.ts';

/** Plans for prod, whose maintenance window is open by `from` and `to` hours from now. */
export function changePlan(from = -1, to = 1): ChangePlan {
  const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString();
  return {
    backup: { kept: 'Revision 1.', restore: 'Roll back.', verification: 'Tried on stg.' },
    maintenance: {
      startsAt: hours(from),
      endsAt: hours(to),
      steps: 'Apply it, look at it.',
      contact: 'olga',
      rollbackCriteria: 'Errors above 1 %.',
      informed: 'search',
    },
  };
}
