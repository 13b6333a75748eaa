import { getLlama, LlamaLogLevel, type LlamaModel, type Token } from 'node-llama-cpp';
import { createChatTemplate } from '../../backend/src/adapters/runtime/local/engine/template.ts';

export type Message = { role: 'system' | 'user' | 'assistant'; content: string };

interface Completion {
  prompt: number[];
  output: number[];
}

interface Greedy {
  /** Tokens of the conversation through the file's own chat template, and at most `limit` likeliest after it, the end's included. */
  complete(messages: Message[], limit: number): Promise<Completion>;
  close(): Promise<void>;
}

/** llama.cpp on one GGUF file, without any of the engine's own sampling: what the weights and the tokenizer say. */
export async function openGreedy(modelPath: string): Promise<Greedy> {
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 512, sequences: 1, threads: 1 });
  const sequence = context.getSequence();
  return {
    async complete(messages, limit) {
      const prompt = promptTokens(model, messages);
      await sequence.clearHistory();
      const output: number[] = [];
      for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        if (output.length >= limit) break;
        output.push(token);
        if (model.isEogToken(token)) break;
      }
      return { prompt: [...prompt], output };
    },
    async close() {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}

/** Rendered by the engine's own template code, so that its reading of jinja is compared too. */
function promptTokens(model: LlamaModel, messages: Message[]): Token[] {
  const template = createChatTemplate({
    template: model.fileInfo.metadata.tokenizer.chat_template ?? null,
    bosToken: model.tokens.bosString,
    eosToken: model.tokens.eosString,
  });
  return model.tokenize(template.render(messages), true);
}
