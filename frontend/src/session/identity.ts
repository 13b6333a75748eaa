import type { Role } from '@llm-ops/contracts';
import { useLocalStorage } from '@vueuse/core';
import { shallowRef } from 'vue';

/** Who this browser says it is, in header mode: a platform on loopback believes it. */
export interface LocalIdentity {
  userId: string;
  roles: Role[];
  team: string;
}

export const startIdentity: LocalIdentity = { userId: 'me', roles: ['admin'], team: '' };
export const identity = useLocalStorage<LocalIdentity>('llmops.identity', startIdentity, { mergeDefaults: true });
/** false until the platform says that it takes identity headers */
export const headerMode = shallowRef(false);
export const csrfToken = shallowRef<string | null>(null);

/** A header is bytes: a browser takes them as Latin-1 text, the platform reads them as UTF-8. */
const headerValue = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));

export function headersOf({ userId, roles, team }: LocalIdentity): Record<string, string> {
  return {
    'x-user-id': headerValue(userId),
    'x-user-roles': roles.join(','),
    ...(team.trim() === '' ? {} : { 'x-user-team': headerValue(team.trim()) }),
  };
}

export function identityHeaders(): Record<string, string> {
  return {
    ...(headerMode.value ? headersOf(identity.value) : {}),
    ...(csrfToken.value === null ? {} : { 'x-csrf-token': csrfToken.value }),
  };
}
