import { createI18n } from 'vue-i18n';
import { computed } from 'vue';

export const locales = ['en', 'ko'] as const;
export type Locale = (typeof locales)[number];
/** Texts come in files a part of the site; a page names the one it needs in its route. */
export type Area =
  | 'shell'
  | 'catalog'
  | 'changes'
  | 'cluster'
  | 'cost'
  | 'datasets'
  | 'governance'
  | 'observability'
  | 'organization'
  | 'said'
  | 'serving';

const files = import.meta.glob<{ default: Record<string, unknown> }>('./locales/*/*.json');
const loaded = new Set<string>();
// what the platform says is said everywhere; its English comes with it
const wanted = new Set<Area>(['shell', 'said']);
const storageKey = 'llmops.locale';

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: false,
  missingWarn: import.meta.env.DEV,
});
export const locale = computed(() => i18n.global.locale.value as Locale);

async function load(language: Locale, area: Area): Promise<void> {
  const path = `./locales/${language}/${area}.json`;
  const file = files[path];
  if (loaded.has(path) || !file) return;
  i18n.global.mergeLocaleMessage(language, { [area]: (await file()).default });
  loaded.add(path);
}

/** Loads an area's texts in the language in use. */
export async function loadArea(area: Area): Promise<void> {
  wanted.add(area);
  await load(locale.value, area);
}

export async function setLocale(language: Locale): Promise<void> {
  await Promise.all([...wanted].map((area) => load(language, area)));
  (i18n.global.locale as { value: string }).value = language;
  document.documentElement.lang = language;
  localStorage.setItem(storageKey, language);
}

/** The language chosen before, else the browser's. */
export async function startLocale(): Promise<void> {
  const stored = localStorage.getItem(storageKey);
  const first = locales.find((known) => known === stored) ?? (navigator.language.startsWith('ko') ? 'ko' : 'en');
  await setLocale(first);
}
