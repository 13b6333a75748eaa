import type * as Re2 from 're2js';
import { failure } from '#platform/errors';
import { onDemand } from '#platform/node';
import type { CustomPiiRule } from '../engine/tasks.ts';
import { refusalWords } from '../refusals.ts';

const re2 = onDemand<typeof Re2>('re2js');

/** A rule that a person wrote, ready to search with. */
export interface CompiledRule {
  type: string;
  confidence: number;
  /** in small letters */
  context: readonly string[];
  /** Calls back with the places of each match in a text, none of them empty. */
  search(text: string, found: (start: number, end: number) => void): void;
}

/** Texts on which a pattern that can match nothing does. */
const trials = ['', 'a', ' a1 ', '가 -', 'a\nb'];

/** Throws `pii_rule_invalid` for what RE2 does not take, and for a pattern that matches empty text. */
export function compilePiiRule({ name, pattern, context, confidence }: CustomPiiRule): CompiledRule {
  const compiled = compile(pattern);
  for (const trial of trials) {
    const matcher = compiled.matcher(trial);
    while (matcher.find()) {
      if (matcher.start() === matcher.end()) throw failure('pii_rule_invalid', refusalWords.tell('pattern_empty'));
    }
  }
  return {
    type: `custom:${name}`,
    confidence,
    context: context.map((word) => word.toLowerCase()),
    search(text, found) {
      // most texts have none, and to see that is much cheaper than to ask where
      if (!compiled.test(text)) return;
      const matcher = compiled.matcher(text);
      while (matcher.find()) if (matcher.end() > matcher.start()) found(matcher.start(), matcher.end());
    },
  };
}

function compile(pattern: string): Re2.RE2JS {
  try {
    return re2().RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof re2().RE2JSException)) throw error;
    throw failure('pii_rule_invalid', refusalWords.tell('pattern_unusable', { reason: error.message }));
  }
}
