import { createWords } from '#platform/words';

/** What a card lacks. */
export const cardWords = createWords('card', {
  description: { message: 'Say what this dataset holds, in a sentence or more.' },
  type: { message: 'Say what it is for: pretrain_corpus, sft_pair, rag_qa, rlhf_pair or benchmark.' },
  license: { message: 'Name the license, as an SPDX identifier if there is one.' },
  language: { message: 'Name the languages of the texts, such as en or ko.' },
  source: { message: 'Say where the data comes from.' },
  intended_use: { message: 'Say what it is meant for, and what not.' },
  limitations: { message: 'Say what it lacks or is known to be biased in.' },
  task: { message: 'Say which task the benchmark is about.' },
  change_log: { message: 'Say what changed since the version before.' },
});

/** What stands between a dataset and its approval. */
export const gateWords = createWords('gates', {
  metadata_passed: { message: 'The card says what it must.' },
  metadata_lacks: { message: 'The card lacks {fields}.', remedy: '{first}' },
  files_coming: {
    message: 'Files are still being brought here.',
    remedy: 'Wait until the work on this version ends.',
  },
  files_none: { message: 'There are no files.', remedy: 'Upload CSV, JSON Lines or Parquet.' },
  files_refused: {
    message: '{files} cannot be read.',
    remedy: 'Fix what its issues say and upload again, or delete it.',
  },
  files_waiting: { message: '{files} has not been read yet.', remedy: 'Wait until it is ready.' },
  files_one: { message: 'The file was read.' },
  files_all: { message: 'All {files} files were read.' },
  first_and_more: { text: '{first} and {more} more' },
  validation_running: { message: 'A validation is under way.', remedy: 'Wait until it ends.' },
  validation_passed: { message: 'These files were validated.' },
  validation_failed: { message: 'The validation failed: {cause}', remedy: 'Start it again.' },
  validation_none: { message: 'These files have not been validated.', remedy: 'Start a validation.' },
  see_log: { text: 'see the log' },
  pii_pending: {
    message: 'These files have not been looked through for personal data.',
    remedy: 'Wait for the validation.',
  },
  pii_passed: { message: 'No personal data is open.' },
  pii_found: {
    message: 'Personal data was found.',
    remedy: 'Redact it into a new version, or judge each finding.',
  },
  quality_none: { message: 'These files have no quality score yet.', remedy: 'Wait for the validation.' },
  quality_passed: { message: 'The quality score is {score}, {threshold} is needed.' },
  quality_low: {
    message: 'The quality score is {score}, {threshold} is needed.',
    remedy: 'Follow the recommendations of the validation.',
  },
  diff_first: { message: 'There is no version before this one.' },
  diff_empty: { message: 'Version {version} has no rows to compare with.' },
  diff_passed: { message: 'It was compared with version {version}.' },
  diff_missing: {
    message: 'It was not compared with version {version} yet.',
    remedy: 'Start a validation, which compares them.',
  },
  two: { message: '{one} {other}' },
  all_shut: { message: '{gates}' },
  pii_open: { message: '{count} found that were not judged false or accepted.' },
});
