import { describe, expect, it } from 'vitest';
import { emptyPlan, formOf, isUntouched, pathOf, planOf, proposedAnew } from './planForm.ts';

const plan = {
  backup: { kept: 'Revision 1.', restore: 'Roll back.', verification: 'Tried.' },
  maintenance: {
    startsAt: '2026-01-02T03:04:00.000Z',
    endsAt: '2026-01-02T05:04:00.000Z',
    steps: 'Apply.',
    contact: 'olga',
    rollbackCriteria: 'Errors.',
    informed: 'search',
  },
};

describe('FR-012: backup plan and maintenance procedure as people write them', () => {
  it('come back as they were given, with the times of here', () => {
    expect(planOf(formOf(plan))).toEqual(plan);
    expect(formOf(plan).startsAt).toMatch(/^2026-01-0[123]T\d\d:04$/);
  });
  it('follow a new proposal but for what somebody wrote, or emptied', () => {
    const first = proposedAnew(emptyPlan(), emptyPlan(), formOf(plan));
    expect(first).toEqual(formOf(plan));
    const written = { ...first, contact: 'on call', informed: '' };
    const second = { ...formOf(plan), kept: 'Nothing.', contact: 'pat', informed: 'all' };
    expect(proposedAnew(written, first, second)).toEqual({ ...second, contact: 'on call', informed: '' });
  });
  it('are untouched until somebody writes, and a wrong time is left for the platform to refuse', () => {
    expect(isUntouched(emptyPlan())).toBe(true);
    const form = { ...emptyPlan(), startsAt: 'soon' };
    expect(isUntouched(form)).toBe(false);
    expect(planOf(form).maintenance.startsAt).toBe('soon');
  });
  it('are named by their place in the request', () => {
    expect([pathOf('kept'), pathOf('endsAt')]).toEqual(['change.backup.kept', 'change.maintenance.endsAt']);
  });
});
