import { createWords } from '#platform/words';

const logs = 'Read the log lines of the revision, correct the cause and redeploy.';
const again = 'It is tried again by itself.';

/** What becomes of endpoints and their revisions. */
export const words = createWords('endpoints', {
  stopped: { message: 'It is scaled to 0.', remedy: 'Redeploy it to serve again.' },
  nothing_before: {
    message: 'There is no earlier revision to go back to, so it is scaled to 0; its history is kept.',
    remedy: 'Redeploy it to serve again.',
  },
  redeploy: { remedy: 'Redeploy it to serve again.' },
  marked: { message: '{by} marked it {status}.', remedy: 'Nothing to do: the next observation replaces it.' },
  retrying: { remedy: again },
  not_applied: {
    message: 'What is wanted of revision {revision} could not be applied: {cause}',
    remedy: 'It is tried again by itself; see what the platform may do there (RBAC, quota, the namespace).',
  },
  failed_before: {
    message: 'Revision {revision} failed and got no traffic; revision {live} serves on. {cause}',
    remedy: logs,
  },
  failed_after: {
    message: 'Revision {revision} failed and was taken out of the traffic; revision {live} serves it. {cause}',
    remedy: logs,
  },
  sharing: { message: 'Revision {revision} gets {weight} % of the traffic beside revision {live}.' },
  share_next: {
    remedy:
      'It gets {next} % after {seconds} s and {requests} requests without more errors or slower answers; else it is taken back. Its share can be changed at any time.',
  },
  share_all: {
    remedy:
      'It takes it all after {seconds} s and {requests} requests without more errors or slower answers; else it is taken back. Its share can be changed at any time.',
  },
  share_by_hand: {
    remedy: 'Change its share, let it take all, or take it back; more errors or slower answers take it back by itself.',
  },
  starting: {
    message: 'Revision {revision} starts beside revision {live}, which serves until it is ready. {cause}',
    remedy: 'Nothing to do.',
  },
  not_removed: {
    message: 'Revision {revision} could not be removed yet: {cause} (tried {times} times).',
    remedy: 'It is tried again by itself; see that the runtime can be reached.',
  },
  refused: {
    message: 'It could not be applied: {cause}',
    remedy:
      'It was tried {times} times. The message says what is in the way: rights, quotas, policies, or what was asked for. Correct it and redeploy.',
  },
  failed_starting: { message: 'It failed {times} times while starting.', remedy: logs },
  engine_failed: { message: 'The engine failed to start.', remedy: logs },
  last_lines: { message: '{cause}\nLast log lines:\n{lines}' },
  silent: {
    message: 'It is ready but did not answer a test completion: {cause}',
    remedy:
      'Look at the log lines of the revision; deploy a model that answers, or leave this environment out of SERVING_VERIFY.',
  },
  no_answer: { text: 'no answer' },
  too_slow: {
    message: 'It was not ready within {seconds} s: {cause}',
    remedy: 'Give it more time by SERVING_ROLLOUT_SECONDS, or a smaller model.',
  },
  still: { text: 'still {phase}' },
  failed_sharing: {
    message: 'It failed under its share of the traffic.',
    remedy: 'See its requests in the request log and its log lines, correct the cause and redeploy.',
  },
  worse: {
    remedy: 'See its requests in the request log and its log lines, correct the cause and redeploy.',
  },
  failed_soon: { message: 'It failed soon after it took the traffic.', remedy: logs },
});

/** A new revision measured against the one that serves. */
export const verdictWords = createWords('verdict', {
  few: { message: 'Revision {revision} was asked {requests} times; a verdict needs {minimum}.' },
  errors: {
    message:
      '{errors} of {requests} requests of revision {revision} failed, {stableErrors} of {stableRequests} requests of revision {stable}; the chance of that in an equal revision is {chance}.',
  },
  slower: {
    message:
      '95 % of the answers of revision {revision} came within {p95} ms, of revision {stable} within {stableP95} ms; {slow} of {answers} were slower than that and {slower} % more.',
  },
  good: {
    message:
      '{errors} of {requests} requests of revision {revision} failed, {stableErrors} of {stableRequests} requests of revision {stable}.',
  },
});

/** What others have changed of what was applied. */
export const driftWords = createWords('drift', {
  gone: { text: '{object} is gone, or its labels by which it is found are{who}{when}.' },
  changed: { text: '{object}: {path} was changed{who}{when}.' },
  taken_out: { text: '{object}: {path} was taken out{who}{when}.' },
  differs: { text: '{object}: {path} is {found} instead of {wanted}{who}{when}.' },
  by: { text: ', by {name}' },
  at: { text: ' at {time}' },
  more: { text: 'And {count} more.' },
  not_repaired: {
    message: '{what} It could not be put back: {cause}',
    remedy: 'It is tried again by itself; see what the platform may do in that namespace (RBAC, quota, webhooks).',
  },
  repaired: {
    message: '{what} It was put back.',
    remedy: 'Change the endpoint instead of its objects: redeploy it with what is wanted.',
  },
  repaired_again: {
    message: '{what} It was put back. Something of this endpoint was put back {times} times lately.',
    remedy: 'Change the endpoint instead of its objects: redeploy it with what is wanted.',
  },
  contested: {
    message: '{what} It was put back. Something of this endpoint was put back {times} times lately.',
    remedy: 'Two disagree: end what changes these objects, or leave this environment out of SERVING_DRIFT_REPAIR.',
  },
  repairing: { message: '{what}', remedy: 'It is put back by itself.' },
  waits: {
    message: '{what} It is put back after {time}: something of this endpoint was put back {times} times lately.',
    remedy: 'Change the endpoint instead of its objects: redeploy it with what is wanted.',
  },
  left: {
    message: '{what}',
    remedy:
      'It is left so, as SERVING_DRIFT_REPAIR does not name {environment}: redeploy the endpoint to put it back, or with the change to keep it.',
  },
});

/** What a deployment is asked before it is made. */
export const checkWords = createWords('checks', {
  unasked: { message: 'The runtime could not be asked: {cause}', remedy: 'Try again.' },
  refused: { message: '{issues}' },
  issue: { text: '{field}: {message}' },
  would_not_run: { message: 'It would not run: {checks}' },
  permission: { message: 'You may deploy to {environment}.' },
  approval: { message: 'The model is approved and its files are those that were approved.' },
  request: { message: 'The request is complete.' },
  route: { message: 'The name "{name}" is free in {environment}.' },
  drift: { message: 'Nothing differs unexplained from the environment before.' },
  change: { message: 'Backup plan and maintenance procedure are given.' },
  review: { message: 'Nobody needs to approve it.' },
  required_prod: { message: 'Required for prod.' },
});

/** Why serving refuses what it is asked for. */
export const refusalWords = createWords('serving', {
  ambiguous: { message: 'The name "{name}" is in {environments}.' },
  name_taken: { message: 'The name "{name}" is taken in {environment}.' },
  other_environment: {
    message: 'That endpoint is in {environment}; a name leads to endpoints of its own environment.',
  },
  no_revision: { message: 'That endpoint has no revision {revision}.' },
  no_weight: { message: 'At least one weight must be above 0.' },
  window: { message: 'The maintenance window is from {from} to {to}.' },
  closed_applied: { message: 'This change is applied.' },
  closed_rejected: { message: 'This change is rejected.' },
  closed_withdrawn: { message: 'This change is withdrawn.' },
  closed_open: { message: 'This change waits for approval.' },
  closed_approved: { message: 'This change is approved.' },
  closed_changes_requested: { message: 'This change is to be corrected first.' },
  no_runtime: { message: 'This server has no runtime "{runtime}".' },
  no_replica: { message: 'Must be at least 1. To stop a running endpoint, set minReplicas and maxReplicas to 0.' },
  none_wanted: { message: 'Must be at least 1; scale to 0 is a stop of a running endpoint.' },
  least_above: { message: 'minReplicas {least} is above maxReplicas {most}.' },
  most_below: { message: 'maxReplicas {most} is below minReplicas {least}.' },
  other_version: { message: 'That model is version {version}; give that, or leave it out.' },
  files_gone: {
    message: 'The files of {model} {version} are no longer those of revision {revision}.',
    remedy: 'Redeploy with a model version whose files are approved.',
  },
  files_changed: { message: 'The files of {model} {version} were changed after revision {revision}.' },
  there_already: { message: 'It is in {environment} already.' },
  differs: { message: 'It differs between environments: {differences}.' },
});
