import type { Recommendation } from '@llm-ops/contracts';
import { createWords, type Told } from '#platform/words';
import { chatFaults } from '../chat/faults.ts';
import { ofRows, words, type Note } from '../sentences.ts';
import type { ValidateOutput } from '../tasks.ts';

/** What to do about odd texts. Lengths are told of with the columns. */
export const textWords = createWords('texts', {
  text_repetition: {
    message: 'Most of the text repeats itself.',
    fix: 'Look at some of them; remove what was caught in a loop or copied many times.',
  },
  text_symbols: {
    message: 'Hardly any character is a letter or a digit.',
    fix: 'Remove tables of symbols, separators and broken extractions, unless they are meant.',
  },
  text_gibberish: {
    message: 'The letters make no words: encoded bytes, or keys hit at random.',
    fix: 'Remove these rows, or decode what is encoded.',
  },
  text_too_long: {
    message: 'The text is longer than the base model reads.',
    fix: 'Training splits them or cuts them off; split them yourself where that matters.',
  },
});
const texts: Record<string, Told<{ message: string; fix: string }>> = {
  ...textWords.all(),
  text_control_characters: chatFaults.chat_control_characters,
  text_template_marker: chatFaults.chat_template_marker,
  text_html: chatFaults.chat_html,
};

/** Of odd texts, of what was not looked at in full, and of a server that could not be asked. */
export function adviceOnTexts(found: {
  counts: ValidateOutput['counts'];
  ner: ValidateOutput['ner'];
  notes: readonly Note[];
}): Recommendation[] {
  const { counts, ner, notes } = found;
  const none = { kind: null, type: null, count: null };
  return [
    ...(ner === 'unreachable'
      ? [{ severity: 'warning' as const, ...words.tell('ner_unreachable'), ...none, kind: 'pii' as const }]
      : []),
    ...counts.flatMap(({ kind, type, count }): Recommendation[] => {
      const known = kind === 'outlier' ? texts[type] : undefined;
      return known === undefined ? [] : [{ severity: 'info', ...ofRows(count, known), kind, type, count }];
    }),
    ...notes.map((note) => ({ severity: 'info' as const, ...note, ...none })),
  ];
}
