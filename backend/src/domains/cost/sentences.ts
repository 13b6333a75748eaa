import { createWords } from '#platform/words';

/** What is wrong with a budget or a price, and why a budget lets nothing pass. */
export const words = createWords('cost', {
  team: { message: 'Give the name of the team.' },
  project: { message: 'Give the team and the project, as "team/project".' },
  user: { message: 'Give the name of the user.' },
  key: { message: 'Give the id of the API key, a UUID.' },
  endpoint: { message: 'Give the id of the endpoint, a UUID.' },
  model: { message: 'Give the id of the model version, a UUID.' },
  global: { message: 'A global budget is about everything: leave the id out.' },
  no_key: { message: 'There is no such API key in your teams.' },
  no_member: { message: 'You are not a member of a team "{team}".' },
  limit_none: { message: 'Set at least one of amount, tokens and requests.' },
  currency: { message: 'This platform reckons in {currency} (COST_CURRENCY): write {currency} or leave it out.' },
  exhausted: {
    message:
      'The budget "{name}" has no room for this request: its {limit} of {figures} would be exceeded. {end} It may take up to {takes}; left: {left}.',
  },
  limit_daily: { text: 'daily limit' },
  limit_monthly: { text: 'monthly limit' },
  limit_total: { text: 'limit' },
  tokens: { text: '{count:token}' },
  requests: { text: '{count:request}' },
  ends: { text: 'Its period ends at {end}.' },
  endless: { text: 'It has no next period.' },
  unchecked: {
    message:
      'The budget "{name}" cannot be checked just now: the database does not answer, and what this gateway held of the budget is used up.',
    remedy: 'Try again in a few seconds.',
  },
});
