import { createWords } from '#platform/words';

/** Why teams, keys and policies are refused, where there is more to say than the catalogue of errors does. */
export const words = createWords('governance', {
  past: { message: 'Lies in the past.' },
  beyond_roles: { message: 'You cannot give {roles}: that goes beyond your own roles ({own}).' },
  key_beyond_roles: {
    message: 'This key acts as {roles}, which goes beyond your own roles: you may revoke it, not change it.',
  },
  no_member: { message: 'You are not a member of a team "{team}".' },
  no_team: { message: 'There is no team "{team}".' },
  no_project: { message: 'The team has no such project.' },
  key_wider: { message: 'An API key cannot make a key for more routes or environments than its own.' },
  key_looser: { message: 'An API key cannot make a key with higher limits than its own.' },
  key_longer: { message: 'An API key cannot make a key that outlives it.' },
  cursor: { message: 'Use the cursor of a Link header, unchanged.' },
  user_id: { message: 'Must not hold control characters or surrounding space.' },
  locks_out: { message: 'Nobody could change policies any more. Name subjects other than administrators.' },
  no_action: { message: 'There is no action "{action}". Actions: *, {actions}.' },
  outside_scope: {
    message: '"{action}" is outside of the scope {scope}; use the scope global or that of the action.',
  },
  field_name: { message: 'Name a field, with dots to reach into the card: metadata.classification.' },
  value_or_list: { message: 'Give a value or a list of values.' },
  list_empty: { message: 'Give at least one text, number or boolean.' },
});
