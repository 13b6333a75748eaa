import { type ApiKey, type environments, limitsOf } from './vocabulary.ts';

/** What a key may ask, how much and until when, as it is typed. */
export interface KeyForm {
  name: string;
  /** names with commas between them; empty: all */
  routes: string;
  /** none: all */
  environments: (typeof environments)[number][];
  requestsPerMinute: number | null | undefined;
  tokensPerMinute: number | null | undefined;
  /** a day; empty: never */
  expiresAt: string;
}

const two = (value: number) => String(value).padStart(2, '0');
const dayOf = (at: Date) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

export const keyFormOf = (key: ApiKey | null): KeyForm => ({
  name: key?.name ?? '',
  routes: key?.routes?.join(', ') ?? '',
  environments: [...(key?.environments ?? [])],
  requestsPerMinute: key?.limits?.requestsPerMinute,
  tokensPerMinute: key?.limits?.tokensPerMinute,
  expiresAt: key?.expiresAt ? dayOf(new Date(key.expiresAt)) : '',
});

export const routeNamesOf = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

/** Null where nothing is held back. A key holds until its last day has ended here. */
export function scopeOf(form: KeyForm) {
  const routes = routeNamesOf(form.routes);
  return {
    name: form.name.trim(),
    routes: routes.length === 0 ? null : routes,
    environments: form.environments.length === 0 ? null : form.environments,
    limits: limitsOf(form),
    expiresAt: form.expiresAt === '' ? null : new Date(`${form.expiresAt}T23:59:59`).toISOString(),
  };
}

/** What of a key was changed: a day that was left as it was keeps its hour. */
export function keyPatchOf(key: ApiKey, form: KeyForm): Partial<ReturnType<typeof scopeOf>> {
  const before = scopeOf(keyFormOf(key));
  const now = scopeOf(form);
  const changed = Object.entries(now).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof typeof before]),
  );
  return Object.fromEntries(changed);
}
