import { createWords } from '#platform/words';

/** What a plan of a change begins with; its author corrects it in the language of whoever reads it. */
export const planWords = createWords('plan', {
  two_lines: { text: '{first}\n{rest}' },
  numbered: { text: '{number}. {step}' },
  digest: { text: 'digest {digest}' },
  no_digest: { text: 'no digest: it is served elsewhere' },
  external: { text: 'external' },
  kept: { kept: '{lines}' },
  kept_nothing: {
    text: 'Nothing serves {route} in {environment} yet, so there is nothing to lose: taking it back is deleting it.',
  },
  kept_revision: {
    text: 'Revision {revision} ({model} {version}, {image}, {digest}) stays in the history and its files in the object store.',
  },
  kept_files: { text: 'Files of {model} {version}: {uri}, {digest}.' },
  kept_hub: {
    text: 'Files of {model} {version}: none here, its runtime fetches {hub} from Hugging Face.',
  },
  kept_database: {
    text: 'Database (catalog, endpoints, revisions, audit) and object store: the last `llmops backup`.',
  },
  restore: { restore: '{lines}' },
  restore_delete: { text: 'Delete the endpoint {route} in {environment}.' },
  restore_revision: {
    text: 'Roll back to revision {revision}: the button of the endpoint, or {call}.',
  },
  roll_back: { text: 'Roll back to the previous revision.' },
  restore_database: {
    text: 'Were the database lost: `llmops restore` of the last backup, then look at the endpoints.',
  },
  verified_new: { verification: 'The test completion of the new endpoint answers before it takes traffic.' },
  verified: {
    verification: 'Revision {revision} served until now; after a rollback its test completion must answer.',
  },
  steps: { steps: '{lines}' },
  step_free: { text: 'See that {route} in {environment} is free and the last backup is recent.' },
  step_healthy: { text: 'See that {route} in {environment} is healthy and the last backup is recent.' },
  step_apply: {
    text: 'Apply the change; the new revision starts beside what serves, and takes traffic once it answers the test completion.',
  },
  step_wait: { text: 'Wait until it is healthy, at most {minutes:minute}; then it is given up by itself.' },
  step_watch: { text: 'Watch it at {shares} % of the traffic; it is taken back by itself when it is worse.' },
  step_look: { text: 'Run a test completion and look at errors and latency.' },
  contact: { contact: '{by}, team {team}' },
  criteria: { rollbackCriteria: '{lines}' },
  criteria_time: { text: 'It does not become healthy within {minutes:minute}.' },
  criteria_worse: {
    text: 'Errors are more than {errors} percentage points above, or p95 latency more than {slower} % above the revision before.',
  },
  informed: { informed: 'Team {team}, and those who call {route} in {environment}.' },
});
