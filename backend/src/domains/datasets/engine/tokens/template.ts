import { Template } from '@huggingface/jinja';

export interface TemplateCost {
  /** tokens that are added to the first message and to the whole */
  first: number;
  /** to each further message */
  further: number;
}

/** What the chat template of a tokenizer's configuration costs; nothing without one, or where it refuses plain conversations. */
export function templateCost(config: Record<string, unknown>, count: (text: string) => number): TemplateCost {
  const template = config.chat_template;
  if (typeof template !== 'string') return { first: 0, further: 0 };
  const text = 'Hello';
  try {
    const compiled = new Template(template);
    const costOf = (roles: string[]): number => {
      const messages = roles.map((role) => ({ role, content: text }));
      return count(compiled.render({ messages, ...tokensOf(config) })) - roles.length * count(text);
    };
    const first = costOf(['user']);
    const further = (costOf(['user', 'assistant', 'user']) - first) / 2;
    return { first: Math.max(0, first), further: Math.max(0, Math.round(further)) };
  } catch {
    return { first: 0, further: 0 };
  }
}

/** `bos_token` and `eos_token`, as text or as the object of an added token. */
function tokensOf(config: Record<string, unknown>): Record<string, string> {
  const textOf = (token: unknown): string =>
    typeof token === 'string' ? token : String((token as { content?: unknown } | null | undefined)?.content ?? '');
  return { bos_token: textOf(config.bos_token), eos_token: textOf(config.eos_token) };
}
