import type { Provider } from '#ports/provider';
import { compatible } from '../compatible.ts';
import { versioned } from '../fields.ts';

/**
 * Hugging Face's text-generation-inference: it generates text only, embeddings are another server of theirs. Chat gives usage when
 * `include_usage` asks for it; completions give it with the last text in any case. https://huggingface.co/docs/text-generation-inference
 */
export const tgi: Provider = {
  ...compatible,
  kind: 'tgi',
  telemetryName: 'tgi',
  keyless: true,
  streamUsage: 'option',
  // how its router (3.3) writes them: chat and whole completions say `stop` for the end token, tools called or not; streamed completions
  // `eos_token`, and "" on the way
  finishReasons: {
    words: { eos_token: 'stop', stop_sequence: 'stop', '': null },
    afterTools: { stop: 'tool_calls', eos_token: 'tool_calls', stop_sequence: 'tool_calls', '': null },
  },
  path: (operation) => (operation === 'embedding' ? null : compatible.path(operation)),
  baseUrl: ({ base_url }) => versioned(base_url),
};
