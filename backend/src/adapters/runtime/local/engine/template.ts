import { Template } from '@huggingface/jinja';
import { ApiError } from './errors.ts';
import type { ChatMessage } from './requests.ts';

interface Source {
  /** jinja, from the model's own metadata; null when it has none */
  template: string | null;
  bosToken: string | null;
  eosToken: string | null;
}

/**
 * Turns messages into the text the model was trained on, as Transformers' `apply_chat_template` does: the template alone decides
 * about the beginning-of-text token.
 */
export function createChatTemplate({ template, bosToken, eosToken }: Source) {
  const compiled = template === null ? null : new Template(template);
  return {
    render(messages: ChatMessage[], extra: Record<string, unknown> = {}): string {
      if (compiled === null) {
        throw new ApiError(
          400,
          'chat_template_missing',
          'This model has no chat template. Use /v1/completions, or add chat_template to its tokenizer_config.json.',
          'messages',
        );
      }
      try {
        return compiled.render({
          ...extra,
          messages,
          add_generation_prompt: true,
          bos_token: bosToken ?? '',
          eos_token: eosToken ?? '',
          tools: null,
          documents: null,
        });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new ApiError(
          400,
          'chat_template_refused',
          `The model's chat template refused these messages: ${reason}`,
          'messages',
        );
      }
    },
  };
}
