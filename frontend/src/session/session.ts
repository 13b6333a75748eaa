import { createMongoAbility, subject as typed } from '@casl/ability';
import { type PackRule, unpackRules } from '@casl/ability/extra';
import type { DataOf, Permission, platformRoutes } from '@llm-ops/contracts';
import { useQuery, useQueryClient } from '@tanstack/vue-query';
import { computed, watch } from 'vue';
import { platformClient } from '../services/platformClient.ts';
import { csrfToken, headerMode, identity } from './identity.ts';

export type Session = DataOf<(typeof platformRoutes)['getSession']>;
export type SignIn = DataOf<(typeof platformRoutes)['getSignIn']>;

/** Asks how one signs in first, because in header mode this decides what every later request says. */
async function readSession(): Promise<{ signIn: SignIn; session: Session }> {
  const signIn = (await platformClient.getSignIn()).data;
  headerMode.value = signIn.headerMode;
  const session = (await platformClient.getSession()).data;
  csrfToken.value = session.csrfToken;
  return { signIn, session };
}

/** Who is signed in and what they may do, by the server's own rules. */
export function useSession() {
  // many parts ask; one that appears after a failure must not ask again by itself, or the sign-in screen would chase itself away
  const query = useQuery({ queryKey: ['session'], queryFn: readSession, staleTime: 60_000, retryOnMount: false });
  const session = computed(() => query.data.value?.session ?? null);
  const ability = computed(() =>
    createMongoAbility(unpackRules((session.value?.rules ?? []) as PackRule<never>[]), { anyAction: '*' }),
  );
  /** May they do it at all (no resource), or to this one? What is hidden here the server refuses too. */
  function can(permission: Permission, type?: string, resource?: object): boolean {
    const held = session.value?.permissions.includes(permission) ?? false;
    if (!held || type === undefined || resource === undefined || session.value?.rules.length === 0) return held;
    return ability.value.can(permission as never, typed(type, { ...resource }) as never);
  }
  return { query, session, signIn: computed(() => query.data.value?.signIn ?? null), can };
}

/** Another person sees other things: nothing that was read as somebody else stays on the screen. */
export function useIdentitySwitch(): void {
  const client = useQueryClient();
  watch(identity, () => void client.resetQueries(), { deep: true });
}
