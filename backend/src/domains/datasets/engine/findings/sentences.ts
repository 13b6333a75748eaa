import { createWords, type Sentence } from '#platform/words';
import type { FoundLine } from '../tasks.ts';

/** Made only of what is kept: faults are many, and most are counted alone. */
export type Say = () => Sentence;

/** What is wrong with a row, with its values. Rows are counted from 1 for people. */
export const findingWords = createWords('finding', {
  row: { text: 'row {row}' },
  row_of: { text: 'row {row} of {file}' },
  earlier_row: { text: 'an earlier row' },
  same: { text: 'It is the same as {which}.' },
  alike: { text: 'Its text is {percent} % the same as that of {which}.' },
  alike_about: { text: 'Its text is about {percent} % the same as that of {which}.' },
  same_prompt: { text: 'It has the same prompt as {which}.' },
  too_long: { text: 'It has {tokens:token}; the base model reads {limit}.' },
  contaminated: {
    text: 'It has 13 words or more of item {item} of the benchmark {name} (row {row} of {file}).',
  },
  contaminated_more: {
    text: 'It has 13 words or more of item {item} of the benchmark {name} (row {row} of {file}) and of {more} more.',
  },
  custom: { text: 'It matches the rule {rule}.' },
  named: { text: '{label}, named by the Presidio server.' },
  long: { text: 'The text has {characters:character}, far more than the others of its column.' },
  short: { text: 'The text has {characters:character}, far fewer than the others of its column.' },
  repetition: { text: '{percent} % of its phrases of five words are repetitions.' },
  symbols: { text: 'Only {percent} % of its characters are letters or digits.' },
  unbroken: { text: 'Most of it is words of forty letters or more, such as encoded bytes.' },
  few_letters: { text: 'It consists of very few different letters.' },
  consonants: { text: '{percent} % of its letters are in runs of {run} consonants or more.' },
});

/** What is wrong with a conversation or another example. Messages are counted from 1. */
export const exampleWords = createWords('example', {
  role_missing: { text: 'Message {turn} has no role.' },
  role_unknown: { text: 'Message {turn} has a role that chat templates do not know.' },
  system_late: { text: 'Message {turn} is a system message.' },
  assistant_first: { text: 'The conversation begins with the assistant.' },
  user_again: { text: 'Message {turn} is the user’s, as the one before it.' },
  assistant_again: { text: 'Message {turn} is the assistant’s, as the one before it.' },
  tool_unasked: { text: 'Message {turn} answers no call of a tool.' },
  tool_unanswered: { text: 'Before message {turn}, {calls:call has|calls have} no answer.' },
  content_missing: { text: 'Message {turn} has no content.' },
  content_invalid: { text: 'The content of message {turn} is neither a text nor a list of parts.' },
  reply_blank: { text: 'Message {turn} is a blank reply.' },
  turn_blank: { text: 'Message {turn} is blank.' },
  chosen_blank: { text: 'The chosen reply is blank.' },
  rejected_blank: { text: 'The rejected reply is blank.' },
  question_blank: { text: 'The question is blank.' },
  answer_blank: { text: 'The answer is blank.' },
  input_blank: { text: 'The input is blank.' },
  marker: { text: 'The marker {marker} was left in the text.' },
  html: { text: 'HTML was left in the text: {tag}.' },
});

/** As a finding holds it. */
export const tellable = ({ text, ...said }: Sentence): Pick<FoundLine, 'message' | 'said'> => ({ message: text, said });
