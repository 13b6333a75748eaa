import type { DatasetStatus } from '@llm-ops/contracts';
import { createWords, type Sentence } from '#platform/words';

/** Why something of a dataset is refused, where there is more to say than the catalogue of errors does. */
export const refusalWords = createWords('refusal', {
  version_taken: { message: 'The team {team} has version {version} of {name} already.' },
  no_version: { message: '{name} has no version {version}.' },
  frozen: { message: 'Version {version} of {name} is {status} and can no longer be changed.' },
  other_team: {
    message: 'This belongs to the team {team}, and you are not a member of it.',
    remedy: 'Ask an administrator to make you a member of {team}.',
  },
  used: { message: 'Still in use by {users}.' },
  used_unseen: { message: 'Still in use by {rest} that you may not see.' },
  used_and_unseen: { message: 'Still in use by {users}, {rest} that you may not see.' },
  cannot_become: { message: 'A dataset that is {status} can become {possible}, not {to}.' },
  not_approved: { message: '{name} {version} is {status}, not approved.' },
  files_not_approved: { message: 'The files of {name} {version} are not those that were approved.' },
  files_not_ready: { message: 'Version {version} of {name} has files that are not ready.' },
  files_none_ready: { message: 'Version {version} of {name} has files that are not ready, or none.' },
  files_none: { message: 'Version {version} of {name} has no files.' },
  file_not_ready: { message: '{path} of version {version} is not ready.' },
  not_validated: {
    message: 'These files have not been validated, so their columns are not known yet.',
    remedy: 'Wait for the validation, or start one.',
  },
  source_deleted: {
    message: 'Version {version}, which this is made from, was deleted.',
    remedy: 'Delete this version and make it again.',
  },
  source_changed: {
    message: 'Version {version}, which this is made from, has other files now.',
    remedy: 'Delete this version and make it again.',
  },
  job_not_failed: { message: 'This work has not failed; only failed work runs again.' },
  path_invalid: { message: '{path} is not a file name or path.' },
  path_ending: {
    message: '{path} is not a kind of file that a dataset has.',
    remedy: 'Send CSV, JSON Lines or Parquet, with the ending that says so.',
  },
  path_collides: { message: '{path} collides with {other}.' },
  file_there: { message: 'This version has a file {path}.' },
  file_coming: { message: '{path} is being uploaded already.' },
  upload_lost: {
    message: '{path} was deleted, or taken over by another upload, before this one had ended.',
  },
  stored_otherwise: { message: '{path} in the object store is not what was uploaded.' },
  not_stored: { message: 'There is no object {key}.' },
  digest_differs: {
    message: '{path} does not have the digest that its source tells.',
    remedy: 'Start it again; if it stays, the file is damaged at its source.',
  },
  repository_empty: {
    message: 'This repository holds no CSV, JSON Lines or Parquet file.',
    remedy: 'Convert its files with the datasets library and upload them.',
  },
  repository_full: {
    message: 'This repository holds {files:file}; {most} can be imported at once.',
    remedy: 'Name the files that you need in files.',
  },
  repository_large: { message: '{path} of the repository is larger than {most:byte}.' },
  rule_there: { message: 'There is a rule {name} of {team} already.' },
  rule_there_for_all: { message: 'There is a rule {name} for every team already.' },
  rule_for_all: {
    message: 'A rule for every team is for administrators and operators.',
    remedy: 'Name your team in team, or ask an administrator to add the rule for every team.',
  },
  pattern_empty: { message: 'The pattern matches empty text.' },
  pattern_unusable: { message: 'The pattern cannot be used: {reason}' },
  rule_pattern: {
    message: 'The pattern of the rule for the column {column} cannot be read.',
    remedy: 'Write it in RE2 syntax: no backreference and no lookaround.',
  },
  no_column: { message: 'There is no column {column}.', remedy: 'Use a column of the schema.' },
  names_unknown: {
    message: 'The Presidio server did not answer, so names and places would have stayed.',
    remedy: 'Start it again when that server answers, or unset PRESIDIO_URL to redact without it.',
  },
  nobody_waits: { message: 'Nobody waits for the answer.' },
  late: {
    message: 'The rows could not be read within {seconds} s.',
    remedy:
      'Try again when no validation is under way, or ask for less; very large versions take longer than an answer may.',
  },
});

/** What is wrong with one field of a request about a dataset. */
export const datasetFieldWords = createWords('dataset-field', {
  rule_twice: { message: 'There is a rule for {name} already.' },
  minimum: { message: 'Must not be above maximum.' },
  min_length: { message: 'Must not be above max_length.' },
  weights: { message: 'At least one weight must be above 0.' },
  base_model: { message: 'There is no such model, or it has no tokenizer.json.' },
  benchmark: { message: 'There is no such benchmark.' },
  kinds_none: { message: 'Name a kind, or leave it out for all of them.' },
  kind: { message: 'There is no {type}. Known are: {known}.' },
  findings: { message: 'Name the findings: by fingerprints, or all of one type.' },
  files: { message: 'Send at least one file in the field "files".' },
  status: { message: 'Say which status it should have.' },
  ending: { message: 'Use one of .csv .csv.gz .jsonl .jsonl.gz .ndjson .ndjson.gz .parquet.' },
  not_in_repository: { message: 'The repository has no file {path}.' },
  column: { message: 'Neither version has such a column.' },
  sort: { message: 'There is no such column. {columns}' },
  filter_column: { message: '{text} names no column. {columns}' },
  filter_value: { message: 'Give a value: {column}:{operator}:value.' },
  filter_operator: { message: 'After {column} must come one of {operators}, as in {column}:eq:value.' },
  columns: { text: 'The columns are {names}.' },
  columns_more: { text: 'The columns are {names} and {more} more.' },
});

/** What became of durable work, and what to do. */
export const workWords = createWords('work', {
  unexpected: {
    error: 'It failed unexpectedly.',
    remedy: 'Start it again; if it stays, see the log of the server.',
  },
  killed: {
    error: 'The server ended each time while this ran.',
    remedy: 'Start it again; if it stays, look at the log of the server, and at its memory.',
  },
  at: { error: '{what} {path}: {issue}' },
  whole: { error: '{error} {remedy}' },
});

/** How a dataset stands, as people call it. */
export const statusWords = createWords('dataset-status', {
  draft: { text: 'draft' },
  under_review: { text: 'under review' },
  approved: { text: 'approved' },
  rejected: { text: 'rejected' },
  deprecated: { text: 'deprecated' },
  several: { text: '{one}, {other}' },
});
export const statusLine = (status: DatasetStatus): Sentence => statusWords.line(status);
export const statusLines = (statuses: readonly DatasetStatus[]): Sentence | string =>
  statuses.length === 0
    ? '–'
    : statuses.map(statusLine).reduce((one, other) => statusWords.line('several', { one, other }));
