import type { Environment } from '@llm-ops/contracts';
import { ApiError } from '@llm-ops/sdk';
import { computed, onScopeDispose, ref, shallowRef } from 'vue';
import { servingClient } from '../../services/servingClient.ts';
import { type AnswerFacts, pieceOf } from './completion.ts';
import { readEvents } from './eventStream.ts';

export interface ChatMessage {
  id: number;
  role: 'user' | 'assistant';
  content: string;
  state: 'streaming' | 'done' | 'stopped' | 'failed';
  facts: AnswerFacts | null;
  error: unknown;
}

export interface ChatSettings {
  system: string;
  temperature: number;
  maxTokens: number;
}

interface Ground {
  /** whom to ask; null when nobody is chosen */
  target: () => { name: string; environment: Environment } | null;
  settings: ChatSettings;
  /** what is said when an answer ends without its end */
  brokenOff: () => string;
}

/** A conversation with one route; each answer comes token by token. */
export function useChat({ target, settings, brokenOff }: Ground) {
  const messages = ref<ChatMessage[]>([]);
  const running = shallowRef<AbortController | null>(null);
  let lastId = 0;

  function add(role: ChatMessage['role'], content: string, state: ChatMessage['state']): ChatMessage {
    lastId += 1;
    messages.value.push({ id: lastId, role, content, state, facts: null, error: null });
    return messages.value.at(-1)!;
  }

  async function answer(): Promise<void> {
    const to = target();
    if (!to) return;
    // a question without an answer is left out: templates want the roles to alternate
    const history = messages.value
      .filter(({ role, content }, at, all) => content !== '' && (role === 'assistant' || all[at + 1]?.content !== ''))
      .map(({ role, content }) => ({ role, content }));
    const system = settings.system.trim();
    const reply = add('assistant', '', 'streaming');
    const stop = new AbortController();
    running.value = stop;
    const began = performance.now();
    const facts: AnswerFacts = { usage: null, firstTokenMs: null, totalMs: 0, finish: null };
    try {
      const response = await servingClient.streamChat(
        to.name,
        {
          messages: [...(system === '' ? [] : [{ role: 'system' as const, content: system }]), ...history],
          temperature: settings.temperature,
          max_tokens: settings.maxTokens,
          stream_options: { include_usage: true },
        },
        { signal: stop.signal, headers: { 'x-llmops-environment': to.environment } },
      );
      let ended = false;
      for await (const event of readEvents(response.body!)) {
        const piece = pieceOf(event);
        if (piece === null) {
          ended = true;
          break;
        }
        if (piece.text !== '') facts.firstTokenMs ??= performance.now() - began;
        reply.content += piece.text;
        facts.finish = piece.finish ?? facts.finish;
        facts.usage = piece.usage ?? facts.usage;
      }
      if (!ended) throw new ApiError(502, brokenOff(), { code: 'upstream_failed' });
      reply.state = 'done';
    } catch (error) {
      reply.state = stop.signal.aborted ? 'stopped' : 'failed';
      if (!stop.signal.aborted) reply.error = error;
    } finally {
      facts.totalMs = performance.now() - began;
      reply.facts = facts;
      if (running.value === stop) running.value = null;
    }
  }

  onScopeDispose(() => running.value?.abort());
  return {
    messages,
    busy: computed(() => running.value !== null),
    async send(text: string): Promise<void> {
      if (running.value || text.trim() === '') return;
      add('user', text.trim(), 'done');
      await answer();
    },
    stop: () => running.value?.abort(),
    /** Asks the last question again and drops what was answered to it. */
    async retry(): Promise<void> {
      if (running.value) return;
      while (messages.value.at(-1)?.role === 'assistant') messages.value.pop();
      if (messages.value.length > 0) await answer();
    },
    clear() {
      running.value?.abort();
      messages.value = [];
    },
  };
}
