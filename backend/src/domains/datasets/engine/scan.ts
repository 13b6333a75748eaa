import { createPiiScanner, maskOf } from '../pii/index.ts';
import type { ScanInput, ScanOutput } from './tasks.ts';

/** Tries all detectors and rules on one text; for a person who writes a rule. Throws `pii_rule_invalid`. */
export function scan({ text, rules }: ScanInput): Promise<ScanOutput> {
  const matches: ScanOutput['matches'] = [];
  createPiiScanner({ types: null, rules }).scan([text], (_, { type, start, end, confidence }) => {
    matches.push({ type, start, end, confidence, excerpt: maskOf(type, text.slice(start, end)) });
  });
  return Promise.resolve({ matches });
}
