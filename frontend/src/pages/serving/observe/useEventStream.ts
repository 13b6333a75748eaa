import { ApiError } from '@llm-ops/sdk';
import { onScopeDispose, shallowRef, watch } from 'vue';
import { readNamedEvents } from '../eventStream.ts';

export type StreamState = 'connecting' | 'live' | 'lost' | 'ended' | 'failed' | 'off';

/** the server says something every 5 s: longer silence is a connection that nobody told us is gone */
const silentMs = 20_000;

interface Ground {
  /** what is followed: another one begins anew; null: nothing */
  of: () => string | null;
  open: (signal: AbortSignal) => Promise<Response>;
  /** A connection begins: what is sent is all there is so far. */
  onOpen: () => void;
  onEvent: (name: string, data: unknown) => void;
}

/** Follows server-sent events as long as the component lives. A connection that breaks off is taken up again, with growing pauses. */
export function useEventStream({ of, open, onOpen, onEvent }: Ground) {
  const state = shallowRef<StreamState>('off');
  const error = shallowRef<unknown>(null);
  let current = new AbortController();

  async function once(signal: AbortSignal): Promise<'ended' | 'failed' | 'lost'> {
    const silence = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silentMs);
    };
    try {
      heard();
      const response = await open(AbortSignal.any([signal, silence.signal]));
      onOpen();
      state.value = 'live';
      error.value = null;
      for await (const event of readNamedEvents(response.body!)) {
        heard();
        if (signal.aborted) return 'lost';
        if (event === null) continue;
        if (event.name === 'end') return 'ended';
        const data: unknown = JSON.parse(event.data);
        if (event.name !== 'failure') onEvent(event.name, data);
        else {
          const failure = data as { message: string; code: string };
          error.value = new ApiError(503, failure.message, failure);
          return 'failed';
        }
      }
      return 'lost';
    } catch (reason) {
      if (signal.aborted) return 'lost';
      const refused = reason instanceof ApiError && reason.status >= 400 && reason.status < 500;
      if (reason instanceof ApiError) error.value = reason;
      return refused ? 'failed' : 'lost';
    } finally {
      clearTimeout(timer);
    }
  }

  async function follow(signal: AbortSignal): Promise<void> {
    for (let tries = 0; !signal.aborted; tries++) {
      state.value = tries === 0 ? 'connecting' : 'lost';
      const outcome = await once(signal);
      if (signal.aborted) return;
      if ((state.value as StreamState) === 'live') tries = 0;
      state.value = outcome;
      if (outcome !== 'lost') return;
      await pause(Math.min(1_000 * 2 ** tries, 15_000), signal);
    }
  }

  function begin(): void {
    current.abort();
    current = new AbortController();
    error.value = null;
    state.value = 'off';
    if (of() !== null) void follow(current.signal);
  }

  watch(of, begin, { immediate: true });
  onScopeDispose(() => current.abort());
  return { state, error, restart: begin };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
