import type { Histogram, Meter } from '@opentelemetry/api';
import { commonAttributes, errorType, modalityOf } from './attributes.ts';
import type { InferenceFacts } from './types.ts';

/** Boundaries that the conventions advise. */
const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

/** Counts requests in the client metrics of the GenAI conventions. */
export function createRecording(meter: Meter): (facts: InferenceFacts) => void {
  const histogram = (name: string, unit: string, description: string, explicitBucketBoundaries: number[]): Histogram =>
    meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries } });
  const counter = (name: string, description: string) => meter.createCounter(name, { unit: '{token}', description });

  const inference = 'gen_ai.client.inference';
  const duration = histogram(`${inference}.duration`, 's', 'GenAI client inference operation duration.', seconds);
  const firstChunk = histogram(
    `${inference}.time_to_first_chunk`,
    's',
    'Time to receive the first chunk, measured from when the client issues the generation request to when the first chunk is received in the response stream.',
    seconds,
  );
  const inputs = histogram(
    `${inference}.operation.input_tokens`,
    '{token}',
    'The number of input (prompt) tokens used per inference operation.',
    tokens,
  );
  const outputs = histogram(
    `${inference}.operation.output_tokens`,
    '{token}',
    'The number of output (completion) tokens used per inference operation.',
    tokens,
  );
  const input = counter(
    `${inference}.usage.input_tokens`,
    'The number of input (prompt) tokens used, including cached tokens.',
  );
  const output = counter(
    `${inference}.usage.output_tokens`,
    'The number of output (completion) tokens used, including reasoning tokens.',
  );
  const embeddings = histogram(
    'gen_ai.client.embeddings.duration',
    's',
    'GenAI client embeddings operation duration.',
    seconds,
  );
  const embedded = histogram(
    'gen_ai.client.embeddings.operation.input_tokens',
    '{token}',
    'The number of input tokens used per embeddings operation.',
    tokens,
  );

  return (facts) => {
    const { usage, firstTokenMs } = facts;
    const failed = errorType(facts);
    const common = commonAttributes(facts);
    const timed = failed === null ? common : { ...common, 'error.type': failed };
    if (facts.operation === 'embedding') {
      embeddings.record(facts.latencyMs / 1000, timed);
      if (failed === null) embedded.record(usage.prompt_tokens, common);
      return;
    }
    duration.record(facts.latencyMs / 1000, timed);
    if (firstTokenMs !== null) firstChunk.record(firstTokenMs / 1000, common);
    const counted = { ...common, 'gen_ai.token.modality': modalityOf(facts.operation) };
    if (usage.prompt_tokens > 0) input.add(usage.prompt_tokens, counted);
    if (usage.completion_tokens > 0) output.add(usage.completion_tokens, counted);
    // What failed says nothing about how many tokens an operation takes; what it used is paid all the same.
    if (failed !== null) return;
    inputs.record(usage.prompt_tokens, common);
    outputs.record(usage.completion_tokens, common);
  };
}
