import type { Locale } from './i18n.ts';

/** Texts of the component library itself ("Close", "No data" …). */
export async function nuxtLocale(language: Locale) {
  const file =
    language === 'ko' ? await import('@nuxt/ui/runtime/locale/ko.js') : await import('@nuxt/ui/runtime/locale/en.js');
  return file.default;
}
