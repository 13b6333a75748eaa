import type { Finding, Triage } from '@llm-ops/contracts';

/** What a judgement is about: chosen findings, or all of a type. */
export interface Judgement {
  triage: Triage;
  about: { fingerprints: string[]; rows: number } | { type: string; rows: number };
}

/** The API takes this many fingerprints at once. */
export const mostFingerprints = 1000;

/** The same content may be found many times: it is judged once, for every place. */
export function judgementOf(findings: readonly Finding[], triage: Triage): Judgement {
  const fingerprints = [...new Set(findings.map(({ fingerprint }) => fingerprint))];
  return { triage, about: { fingerprints: fingerprints.slice(0, mostFingerprints), rows: findings.length } };
}
