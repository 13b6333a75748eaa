import { randomInt } from 'node:crypto';
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { tooLong } from './errors.ts';
import { jsonGrammar } from './grammar.ts';
import type { Loaded } from './model.ts';
import type { GenerationRequest, Sampling } from './requests.ts';
import { createSequencePool } from './sequences.ts';
import { createStopFilter } from './stop.ts';

/** Tokens of a prompt evaluated between two looks at the signal. */
const PREFILL_CHUNK = 256;
const MAX_QUEUED = 256;
/** Inside of JSON line ends are escaped; the grammars allow blank lines after its end, and some models write nothing else then. */
const JSON_END = '\n\n\n\n';
/** Tokens that one character may be spread over, before broken text is shown as it is. */
const MAX_PARTIAL = 8;

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** not known before the end */
  prompt_tokens_details?: { cached_tokens: number };
}

/** `generated`: tokens so far, those that are not shown yet too. */
export type Step = { text: string; generated: number } | { finish: 'stop' | 'length'; usage: Usage };

/** Answers prompts, several at a time, token by token. */
export function createGenerator({ model, context }: Loaded) {
  const pool = createSequencePool({ context, maxQueued: MAX_QUEUED });
  const totals = { promptTokens: 0, completionTokens: 0 };

  async function* generate(prompt: Token[], request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Step> {
    const room = context.contextSize - prompt.length;
    if (room < 1) throw tooLong(context.contextSize, `${prompt.length} tokens`);
    const limit = Math.min(request.maxTokens ?? room, room);
    const grammar = await jsonGrammar(model, request.json);
    const slot = await pool.acquire(prompt, signal);
    const { sequence } = slot;
    const filter = createStopFilter(grammar ? [...request.stop, JSON_END] : request.stop);
    const text = createTextAssembler(prompt);
    const generated: Token[] = [];
    let finish: 'stop' | 'length' = 'length';
    try {
      const cached = await align(sequence, prompt, request.sampling.seed === null);
      await prefill(sequence, prompt.slice(cached, -1), signal);
      totals.promptTokens += prompt.length;
      for await (const token of sequence.evaluate(prompt.slice(-1), {
        ...options(request.sampling, generated),
        ...(grammar && { grammarEvaluationState: grammar }),
      })) {
        generated.push(token);
        totals.completionTokens++;
        signal.throwIfAborted();
        if (model.isEogToken(token)) {
          finish = 'stop';
          break;
        }
        const shown = filter.push(text.push(token));
        if (shown.text !== '') yield { text: shown.text, generated: generated.length };
        if (shown.stopped) {
          finish = 'stop';
          break;
        }
        if (generated.length >= limit) break;
      }
      // a grammar that is complete ends the answer without an end mark
      if (grammar && generated.length < limit) finish = 'stop';
      const last = filter.push(text.flush());
      if (last.stopped) finish = 'stop';
      const rest = last.text + filter.flush();
      if (rest !== '') yield { text: rest, generated: generated.length };
      yield {
        finish,
        usage: {
          prompt_tokens: prompt.length,
          completion_tokens: generated.length,
          total_tokens: prompt.length + generated.length,
          prompt_tokens_details: { cached_tokens: cached },
        },
      };
    } finally {
      pool.release(slot);
    }
  }

  /** Joins tokens into whole characters, as one character may be several tokens. */
  function createTextAssembler(prompt: Token[]) {
    let before = prompt.slice(-8);
    let pending: Token[] = [];
    const take = (): string => {
      const text = model.detokenize(pending, false, before);
      before = [...before, ...pending].slice(-8);
      pending = [];
      return text;
    };
    return {
      push(token: Token): string {
        pending.push(token);
        const partial = model.detokenize(pending, false, before).endsWith('\uFFFD');
        return partial && pending.length < MAX_PARTIAL ? '' : take();
      },
      flush: (): string => (pending.length === 0 ? '' : take()),
    };
  }

  return { generate, status: () => ({ queued: pool.queued(), ...totals }) };
}

/**
 * Keeps the part of the sequence that the prompt shares, and returns its length. Not for a request with a seed: a prompt
 * evaluated in other batches may differ in the last bits, and the same seed must give the same answer.
 */
async function align(sequence: LlamaContextSequence, prompt: Token[], reuse: boolean): Promise<number> {
  const shared = reuse ? sequence.compareContextTokens(prompt).firstDifferentIndex : 0;
  const keep = Math.min(shared, prompt.length - 1);
  if (keep === 0) await sequence.clearHistory();
  else if (keep < sequence.nextTokenIndex) {
    await sequence.eraseContextTokenRanges([{ start: keep, end: sequence.nextTokenIndex }]);
  }
  // Some architectures can only forget everything.
  return Math.min(keep, sequence.nextTokenIndex);
}

async function prefill(sequence: LlamaContextSequence, tokens: Token[], signal: AbortSignal): Promise<void> {
  for (let start = 0; start < tokens.length; start += PREFILL_CHUNK) {
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(start, start + PREFILL_CHUNK));
    signal.throwIfAborted();
  }
}

function options(sampling: Sampling, generated: Token[]) {
  const { presencePenalty, frequencyPenalty } = sampling;
  const penalised = presencePenalty !== 0 || frequencyPenalty !== 0;
  return {
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: sampling.topK,
    minP: sampling.minP,
    // The library's own default is the time in seconds, the same for all requests of one second.
    seed: sampling.seed === null ? randomInt(2 ** 32) : Math.abs(sampling.seed) % 2 ** 32,
    // The end mark counts as a completion token, and without it greedy output differs from Transformers' by its last token.
    yieldEogToken: true,
    ...(penalised && {
      repeatPenalty: {
        punishTokens: () => generated,
        maxPunishTokens: 4096,
        penalty: 1,
        presencePenalty,
        frequencyPenalty,
      },
    }),
  };
}
