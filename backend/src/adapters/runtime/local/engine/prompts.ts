import { setImmediate as pause } from 'node:timers/promises';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { ApiError, tooLong } from './errors.ts';

/** No vocabulary has longer tokens, in characters. */
const MAX_TOKEN_LENGTH = 256;

interface Deps {
  model: LlamaModel;
  contextLength: number;
}

interface TokenizerMetadata {
  ggml?: { tokens?: readonly string[] };
}

/** Turns what clients send into tokens that the model has, at most as many as its context holds. */
export function createPrompts({ model, contextLength }: Deps) {
  const { bos, shouldPrependBosToken } = model.tokens;
  const metadata = model.fileInfo.metadata.tokenizer as TokenizerMetadata | undefined;
  const vocabulary = metadata?.ggml?.tokens?.length ?? 0;

  /** A text that cannot fit is refused before it is tokenized: that would stop every other request meanwhile. */
  const tokenize = (text: string, marks: boolean, input: string | null = null): Token[] => {
    const most = contextLength * MAX_TOKEN_LENGTH;
    if (text.length > most) throw tooLong(contextLength, `${text.length} characters`, input);
    return model.tokenize(text, marks);
  };

  /** llama.cpp fails the whole batch for one unknown token, with everybody else's requests in it. */
  const known = (tokens: number[], field: string): Token[] => {
    if (tokens.some((token) => token >= vocabulary)) {
      throw new ApiError(400, 'invalid_request', `${field}: this model has ${vocabulary} tokens`, field);
    }
    return tokens as Token[];
  };

  const notEmpty = (tokens: Token[], field: string): Token[] => {
    if (tokens.length === 0) throw new ApiError(400, 'invalid_request', `${field}: it is empty`, field);
    return tokens;
  };

  return {
    ofChat: (text: string): Token[] => tokenize(text, true),

    ofCompletion(prompt: string | number[]): Token[] {
      if (typeof prompt !== 'string') return notEmpty(known(prompt, 'prompt'), 'prompt');
      const tokens = tokenize(prompt, true);
      const begin = shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos] : [];
      return notEmpty([...begin, ...tokens], 'prompt');
    },

    /** One after the other, so that many long texts do not stop everybody else. Rejects with the signal's reason. */
    async ofEmbedding(inputs: (string | number[])[], signal: AbortSignal): Promise<Token[][]> {
      const prompts: Token[][] = [];
      for (const [index, input] of inputs.entries()) {
        signal.throwIfAborted();
        const field = inputs.length === 1 ? 'input' : `input.${index}`;
        // what looks like a mark in a text that is to be embedded is text
        prompts.push(notEmpty(typeof input === 'string' ? tokenize(input, false, field) : known(input, field), field));
        await pause();
      }
      return prompts;
    },
  };
}
