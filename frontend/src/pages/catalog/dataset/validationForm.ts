import type { ScoreWeights, ValidationOptions } from '@llm-ops/contracts';
import { builtInPiiTypes, scoreParts } from './vocabulary.ts';

/** Options of a validation as the form holds them. */
export interface ValidationForm {
  /** by part; undefined: the platform's own */
  weights: Record<keyof ScoreWeights, number | undefined>;
  baseModel: string;
  maxTokens: number | undefined;
  /** which benchmarks rows are compared with */
  contamination: 'approved' | 'chosen' | 'none';
  /** ids */
  benchmarks: string[];
  nearThreshold: number | undefined;
  /** kinds of personal data that are not looked for */
  without: string[];
  ner: 'default' | 'on' | 'off';
}

/** All kinds of personal data that can be looked for: built in, and the rules that hold for a team. */
export const piiTypesOf = (
  rules: readonly { name: string; team: string | null; enabled: boolean }[],
  team: string,
): string[] => [
  ...builtInPiiTypes,
  ...new Set(rules.flatMap((rule) => (rule.enabled && (rule.team ?? team) === team ? [`custom:${rule.name}`] : []))),
];

/** As it was asked for the last time. `types`: all that can be looked for. */
export function formOfOptions(options: ValidationOptions | null, types: readonly string[] = []): ValidationForm {
  const asked = options?.pii_types;
  const benchmarks = options?.benchmark_ids ?? [];
  return {
    weights: Object.fromEntries(
      scoreParts.map((part) => [part, options?.weights?.[part]]),
    ) as ValidationForm['weights'],
    baseModel: options?.base_model_id ?? '',
    maxTokens: options?.max_tokens,
    // whoever wants none says so each time: there may have been none to compare with
    contamination: benchmarks.length > 0 ? 'chosen' : 'approved',
    benchmarks,
    nearThreshold: options?.near_duplicate_threshold ?? 0.8,
    without: asked === undefined ? [] : types.filter((type) => !asked.includes(type)),
    ner: options?.ner === undefined ? 'default' : options.ner ? 'on' : 'off',
  };
}

/** What is sent: what is left open is left out, and weights count when any of them is given. */
export function optionsOf(form: ValidationForm, types: readonly string[] = []): Partial<ValidationOptions> {
  const weighted = scoreParts.some((part) => form.weights[part] !== undefined);
  const wanted = types.filter((type) => !form.without.includes(type));
  return {
    ...(weighted
      ? {
          weights: Object.fromEntries(scoreParts.map((part) => [part, form.weights[part] ?? 0])) as ScoreWeights,
        }
      : {}),
    ...(form.baseModel === '' ? {} : { base_model_id: form.baseModel }),
    ...(form.maxTokens === undefined ? {} : { max_tokens: form.maxTokens }),
    ...(form.contamination === 'approved'
      ? {}
      : { benchmark_ids: form.contamination === 'none' ? [] : form.benchmarks }),
    ...(form.nearThreshold === undefined ? {} : { near_duplicate_threshold: form.nearThreshold }),
    ...(wanted.length === types.length ? {} : { pii_types: wanted }),
    ...(form.ner === 'default' ? {} : { ner: form.ner === 'on' }),
  };
}
