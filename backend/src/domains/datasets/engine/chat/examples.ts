import { exampleWords } from '../findings/sentences.ts';
import type { Report } from './faults.ts';
import { eachText, lintMessages } from './messages.ts';

/** A cell after JSON was read: text, list, object, number, null. */
export type Value = unknown;

const isBlank = (value: Value): boolean =>
  value === null ||
  value === undefined ||
  (typeof value === 'string' && value.trim() === '') ||
  (Array.isArray(value) && value.every((each) => !Array.isArray(each) && isBlank(each)));

/** `prompt` and `completion`, or `instruction` (with its `input`) and `output`. */
export function lintPrompt(example: { prompt: Value; completion: Value }, report: Report): void {
  const { prompt, completion } = example;
  if (Array.isArray(prompt) && Array.isArray(completion)) return lintMessages([...prompt, ...completion], report);
  if (isBlank(prompt)) report('chat_prompt_empty');
  if (isBlank(completion)) report('chat_reply_empty');
  else if (typeof prompt === 'string' && typeof completion === 'string' && prompt.trim() === completion.trim())
    report('chat_reply_is_prompt');
}

/** Replies as texts or as lists of messages; `prompt` is undefined where the replies hold the whole conversation. */
export function lintPair(pair: { prompt: Value | undefined; chosen: Value; rejected: Value }, report: Report): void {
  const { prompt, chosen, rejected } = pair;
  if (prompt !== undefined && isBlank(prompt)) report('chat_prompt_empty');
  if (Array.isArray(chosen) && Array.isArray(rejected)) return lintLists(prompt, chosen, rejected, report);
  for (const [name, reply] of [
    ['chosen', chosen],
    ['rejected', rejected],
  ] as const)
    if (isBlank(reply)) report('chat_reply_empty', () => exampleWords.line(`${name}_blank`));
  if (!isBlank(chosen) && sameText(chosen, rejected)) report('chat_chosen_is_rejected');
}

function lintLists(prompt: Value | undefined, chosen: Value[], rejected: Value[], report: Report): void {
  // A list with the reply alone goes on from the prompt.
  const before = Array.isArray(prompt) ? prompt : prompt === undefined ? [] : [{ role: 'user', content: prompt }];
  const whole = (list: Value[]): Value[] => (list.length === 1 ? [...before, ...list] : list);
  const said = new Set<string>();
  for (const list of [chosen, rejected])
    lintMessages(whole(list), (fault, say) => {
      if (!said.has(fault)) report(fault, say);
      said.add(fault);
    });
  if (chosen.length === 0 || rejected.length === 0) return;
  if (!sameValue(chosen.slice(0, -1), rejected.slice(0, -1))) report('chat_prompts_differ');
  else if (sameText(lastText(chosen), lastText(rejected))) report('chat_chosen_is_rejected');
}

function lastText(messages: Value[]): string {
  const texts: string[] = [];
  eachText(messages.slice(-1), (text) => texts.push(text));
  return texts.join('\n');
}

const sameText = (a: Value, b: Value): boolean =>
  typeof a === 'string' && typeof b === 'string' ? a.trim() === b.trim() : sameValue(a, b);

function sameValue(a: Value, b: Value): boolean {
  try {
    return JSON.stringify(a) === JSON.stringify(b);
  } catch {
    // Nested deeper than can be written.
    return false;
  }
}

export function lintQuestion(example: { question: Value; contexts: Value; answer: Value }, report: Report): void {
  if (isBlank(example.question)) report('chat_prompt_empty', () => exampleWords.line('question_blank'));
  if (isBlank(example.contexts)) report('chat_contexts_empty');
  if (isBlank(example.answer)) report('chat_reply_empty', () => exampleWords.line('answer_blank'));
}

/** `choices` is undefined where the benchmark has none. */
export function lintItem(item: { input: Value; reference: Value; choices: Value | undefined }, report: Report): void {
  const { input, reference, choices } = item;
  if (isBlank(input)) report('chat_prompt_empty', () => exampleWords.line('input_blank'));
  if (isBlank(reference)) report('chat_reference_empty');
  const listed = choicesOf(choices);
  if (listed === null || listed.texts.length === 0) return;
  const texts = listed.texts.map((text) => text.trim());
  if (new Set(texts).size < texts.length) report('chat_choices_repeated');
  if (!isBlank(reference) && !names(String(reference).trim(), texts, listed.labels)) report('chat_reference_no_choice');
}

/** A list of texts, or `{"text": […], "label": […]}` as ARC has them. */
function choicesOf(choices: Value): { texts: string[]; labels: string[] } | null {
  const asTexts = (list: Value): string[] => (Array.isArray(list) ? list.map((each) => String(each)) : []);
  if (Array.isArray(choices)) return { texts: asTexts(choices), labels: [] };
  if (typeof choices !== 'object' || choices === null) return null;
  const { text, label } = choices as { text?: Value; label?: Value };
  return { texts: asTexts(text), labels: asTexts(label) };
}

/** Text, label, letter (A is the first) or position from 0 of one of them; the last position may be counted from 1. */
function names(reference: string, texts: string[], labels: string[]): boolean {
  if (texts.includes(reference) || labels.includes(reference)) return true;
  const letter = /^\(?([A-Za-z])[).]?$/.exec(reference)?.[1];
  if (letter !== undefined) return letter.toUpperCase().charCodeAt(0) - 65 < texts.length;
  return /^\d{1,3}$/.test(reference) && Number(reference) <= texts.length;
}
