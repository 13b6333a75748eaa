import type { DatasetIssue, Recommendation } from '@llm-ops/contracts';
import { again, createWords, type Value } from '#platform/words';
import { piiTypes } from '../pii/index.ts';

const nothing = 'Nothing has to be done; what was left out may hold more of it.';

/** What a validation says of a dataset, and what to do next. */
export const words = createWords('advice', {
  first_names: { text: '{names} and {more} more' },
  pii: {
    message: '{label}: {values:value}, personal or secret.',
    action: 'Make a redacted version, or look at each finding and mark it as false positive or accepted.',
  },
  pii_custom: { text: 'The rule {name}' },
  rows: { message: '{rows:row}: {what}', action: '{fix}' },
  rule_broken: {
    message: 'The rule {name} is broken.',
    fix: 'Correct these rows in the source and add them as a new version, or change the rule.',
  },
  too_long: {
    message: '{examples:example} with more than {limit} tokens; the longest has {longest}.',
    action: 'Shorten or split them, or choose a base model with a longer context; else training cuts them off.',
  },
  contamination: {
    message: '{items:item} of the benchmark “{name}” found in {rows:row}.',
    action: 'Remove these rows; else scores on that benchmark show what was learned by heart.',
  },
  rows_none: { message: 'There are no rows.', action: 'Add files with rows.' },
  duplicates: {
    message: '{rows:exact duplicate}: {share} of the rows.',
    action: 'Keep the first of each; repeated rows weigh more in training and leak between splits.',
  },
  near_duplicates: {
    message: '{rows:near duplicate}: {share} of the rows.',
    action: 'Look at some pairs; keep one of each where the difference means nothing.',
  },
  required_missing: {
    message: '{rows:row} without a value that the type of the dataset or a rule requires.',
    action: 'Fill these values in, or remove the rows.',
  },
  columns_empty: { message: 'Nothing is in {columns}.', action: 'Remove these columns, or fill them in.' },
  values_missing: {
    message: 'Values are missing in {columns}: up to {share} of the rows.',
    action: 'Fill them in, remove these rows, or leave the columns out of training.',
  },
  outliers: {
    message: '{values:value} far from the others, most in {columns}.',
    action: 'Look at the extremes in the preview; correct what is a mistake.',
  },
  constant: {
    message: 'Every row has the same value in {columns}.',
    action: 'Leave these columns out of training; they tell nothing apart.',
  },
  imbalance: {
    message: 'In {columns:column} of labels one value stands for nearly all rows.',
    action: 'Add examples of the others, or sample the frequent one less.',
  },
  drift: {
    message: 'The distribution differs from the previous version in {columns}.',
    action: 'Compare the versions; note in the change log whether that is meant.',
  },
  bad_rows: {
    message: '{rows:row} left out: they could not be read.',
    action: 'Correct the lines that the file’s issues name, and add the file to a new version.',
  },
  mixed: {
    message: 'Values of several types in {columns:column}.',
    action: 'Write each column in one type; the preview shows which are mixed.',
  },
  noted: {
    message: '{files:file} converted, or with a note.',
    action: 'Read the notes of the files; look whether all letters came out right. UTF-8 needs no conversion.',
  },
  ner_unreachable: {
    message: 'The Presidio server could not be reached: names and places were not looked for.',
    action: 'Check PRESIDIO_URL and that server, then validate again.',
  },
  near_left_out: {
    message:
      'Near duplicates were looked for among the first {looked} texts; {left} came after. More memory (DATASET_MEMORY_MB) reaches further.',
    action: nothing,
  },
  prompts_left_out: {
    message:
      'Repeated prompts were looked for among the first {looked} different ones; {left} examples whose prompt is none of these were not compared with each other, so more of them may be repeated. Validate parts of the dataset to compare them too.',
    action: nothing,
  },
  benchmark_sampled: {
    message: 'The benchmark {name} is so large that one of {sampled} of its 13-grams was looked for.',
    action: nothing,
  },
  benchmark_short: {
    message: '{items} items of the benchmark {name} have fewer than eight words and were not looked for.',
    action: nothing,
  },
});
/** How a score came to be. */
export const scoreWords = createWords('score', {
  whole: { formula: '{lines}' },
  two_lines: { text: '{first}\n{rest}' },
  overall: { text: 'overall = ({means}) / {sum} = {overall}' },
  no_rows: { text: 'There are no rows, so every part is 0.' },
  part: { text: '{part} = {sum} = {points}' },
  losses: { text: '100 × (1 {losses})' },
  loss: { text: '− {cost}{count} / {of} {what}' },
  missing_values: { text: 'missing_values' },
  duplicates: { text: 'duplicates' },
  distribution: { text: 'distribution' },
  schema_compliance: { text: 'schema_compliance' },
  format: { text: 'format' },
  cells_lost: { text: 'missing cells' },
  required_lost: { text: 'rows without a required value' },
  exact_lost: { text: 'exact duplicates' },
  near_lost: { text: 'near duplicates' },
  outliers_lost: { text: 'outliers' },
  degenerate_lost: { text: 'degenerate lengths' },
  drift_lost: { text: 'columns that drifted' },
  imbalance_lost: { text: 'imbalanced label columns' },
  rules_lost: { text: 'broken rules' },
  chat_lost: { text: 'faults of chats' },
  bad_lost: { text: 'rows left out' },
  noted_lost: { text: 'files that were converted or noted' },
  mixed_lost: { text: 'columns of mixed types' },
});
/** What the kinds of personal data are called. */
export const piiWords = createWords(
  'pii',
  Object.fromEntries(piiTypes.map(({ type, label }) => [type, { label }])) as Record<string, { label: string }>,
);

/** Of what was not looked at in full. */
export type Note = Pick<Recommendation, 'message' | 'action' | 'said'>;

/** So many rows with a fault. */
export const ofRows = (
  rows: number,
  { message, fix, said }: Pick<DatasetIssue, 'fix' | 'said'> & { message: string },
) => words.tell('rows', { rows, what: again({ message, said }, 'message'), fix: again({ fix, said }, 'fix') });

/** A type as people call it. */
export function piiLabel(type: string, label: string): Value {
  if (type.startsWith('custom:')) return words.line('pii_custom', { name: type.slice('custom:'.length) });
  return type in piiWords.table ? again(piiWords.tell(type), 'label') : label;
}
