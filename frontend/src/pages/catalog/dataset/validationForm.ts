import type { ScoreWeights, ValidationOptions } from '@llm-ops/contracts';
import { scoreParts } from './vocabulary.ts';

/** Options of a validation as the form holds them. */
export interface ValidationForm {
  /** by part; undefined: the platform's own */
  weights: Record<keyof ScoreWeights, number | undefined>;
  baseModel: string;
  maxTokens: number | undefined;
  /** ids; empty: all approved ones */
  benchmarks: string[];
  nearThreshold: number | undefined;
  ner: 'default' | 'on' | 'off';
}

/** As it was asked for the last time. */
export function formOfOptions(options: ValidationOptions | null): ValidationForm {
  return {
    weights: Object.fromEntries(
      scoreParts.map((part) => [part, options?.weights?.[part]]),
    ) as ValidationForm['weights'],
    baseModel: options?.base_model_id ?? '',
    maxTokens: options?.max_tokens,
    benchmarks: options?.benchmark_ids ?? [],
    nearThreshold: options?.near_duplicate_threshold ?? 0.8,
    ner: options?.ner === undefined ? 'default' : options.ner ? 'on' : 'off',
  };
}

/** What is sent: what is left open is left out, and weights count when any of them is given. */
export function optionsOf(form: ValidationForm): Partial<ValidationOptions> {
  const weighted = scoreParts.some((part) => form.weights[part] !== undefined);
  return {
    ...(weighted
      ? {
          weights: Object.fromEntries(scoreParts.map((part) => [part, form.weights[part] ?? 0])) as ScoreWeights,
        }
      : {}),
    ...(form.baseModel === '' ? {} : { base_model_id: form.baseModel }),
    ...(form.maxTokens === undefined ? {} : { max_tokens: form.maxTokens }),
    ...(form.benchmarks.length === 0 ? {} : { benchmark_ids: form.benchmarks }),
    ...(form.nearThreshold === undefined ? {} : { near_duplicate_threshold: form.nearThreshold }),
    ...(form.ner === 'default' ? {} : { ner: form.ner === 'on' }),
  };
}
