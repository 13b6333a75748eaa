import { ApiError } from '@llm-ops/sdk';
import { useQueryClient } from '@tanstack/vue-query';
import { useEventListener } from '@vueuse/core';
import { onScopeDispose, readonly, shallowRef } from 'vue';
import { platformClient } from '../services/platformClient.ts';
import { useSession } from './session.ts';

/** Names of what the platform lacks; empty: nothing of it answers at all. */
export type Outage = readonly string[];

const lookMs = 15_000;
const awayLookMs = 3_000;
const proxySays = [502, 503, 504];
let look = (): void => {};

/** An answer that says nothing of what was asked, but that the platform is away. */
const isAway = (error: unknown): boolean =>
  error instanceof ApiError &&
  (error.status === 0 ||
    error.code === 'database_unavailable' ||
    (error.code === 'unexpected_answer' && proxySays.includes(error.status)));

/** Whatever fails is told here: a page that just failed need not wait for the next look. */
export function suspectOutage(error: unknown): void {
  if (isAway(error)) look();
}

async function readOutage(): Promise<Outage | null> {
  try {
    const { ready, dependencies } = (await platformClient.getHealth()).data;
    const missing = dependencies.filter(({ name, ok }) => !ok && (!ready || name === 'database'));
    return missing.length === 0 ? null : missing.map(({ name }) => name);
  } catch (error) {
    if (!isAway(error)) return null;
    return error instanceof ApiError && error.code === 'database_unavailable' ? ['database'] : [];
  }
}

/**
 * Whether the platform can do its work, looked at while somebody who is signed in looks at the page; before, the session's own failure says
 * so. When it can again, everything on the screen is read again: pages that had failed come back by themselves, and what is typed into
 * forms stays.
 */
export function useOutage() {
  const client = useQueryClient();
  const { session } = useSession();
  const outage = shallowRef<Outage | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looking = false;
  let ended = false;

  async function lookNow(): Promise<void> {
    if (looking || ended) return;
    looking = true;
    clearTimeout(timer);
    const before = outage.value;
    if (!document.hidden && session.value !== null) outage.value = await readOutage();
    looking = false;
    if (ended) return;
    if (before !== null && outage.value === null) void client.invalidateQueries();
    timer = setTimeout(lookNow, outage.value === null ? lookMs : awayLookMs);
  }

  look = () => void lookNow();
  timer = setTimeout(lookNow, lookMs);
  useEventListener(document, 'visibilitychange', look);
  useEventListener(globalThis, 'online', look);
  useEventListener(globalThis, 'offline', look);
  onScopeDispose(() => {
    ended = true;
    clearTimeout(timer);
  });
  return readonly(outage);
}
