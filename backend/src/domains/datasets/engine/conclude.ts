import type { DatasetFileFacts, DatasetProfile, QualityScore, Recommendation, ScoreWeights } from '@llm-ops/contracts';
import { chatFaults } from './chat/faults.ts';
import type { Inspected } from './content/index.ts';
import { adviceOnTexts } from './findings/advice.ts';
import type { AgainstPrevious } from './previous.ts';
import { recommend } from './recommend.ts';
import { ruleAdvice } from './rules-check.ts';
import { factsOf, score, type ScoreFacts } from './score.ts';
import type { ValidateOutput } from './tasks.ts';

const severities: readonly Recommendation['severity'][] = ['error', 'warning', 'info'];

/** What all that was found means: the score, and what to do next, worst first. */
export function conclude(known: {
  profile: DatasetProfile;
  files: DatasetFileFacts[];
  /** breaks of rules, and rows that lack a required value */
  checked: { broken: number; without: number };
  inspected: Inspected;
  /** null: there is no version before */
  compared: AgainstPrevious | null;
  counts: ValidateOutput['counts'];
  weights: ScoreWeights;
  threshold: number;
}): { score: QualityScore; recommendations: Recommendation[] } {
  const { profile, files, checked, inspected, compared, counts, weights, threshold } = known;
  const base = factsOf(profile, files);
  const facts: ScoreFacts = {
    ...base,
    missing: { ...base.missing, required: checked.without },
    duplicates: inspected.duplicates,
    drift: { columns: compared?.drifted ?? 0, of: compared?.shared ?? 0 },
    violations: { rules: checked.broken, chat: inspected.certainFaults },
  };
  const recommendations = [
    ...recommend({
      facts,
      profile,
      counts: counts.map((each) => (each.kind === 'pii' ? { ...each, count: each.open ?? each.count } : each)),
      drift: compared?.drift ?? null,
      contamination: inspected.contamination,
      // Documents are no examples: those that are too long are told of with the texts.
      tokens: counts.some(({ type }) => type === 'chat_too_long') ? inspected.tokens : null,
      advice: { ...chatFaults, ...ruleAdvice },
    }),
    ...adviceOnTexts({ counts, ner: inspected.ner, notes: inspected.notes }),
  ];
  return {
    score: score(facts, { weights, threshold }),
    recommendations: recommendations.toSorted(
      (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity),
    ),
  };
}
