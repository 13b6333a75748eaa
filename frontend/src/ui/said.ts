import { i18n } from '../i18n.ts';

/** What the platform says beside its English text: by field, the code of the sentence and what was put into it. */
export type Said = Readonly<Record<string, { code: string; values?: Record<string, unknown> | undefined }>>;
interface Part {
  text: string;
  code?: string;
  values?: Record<string, unknown>;
}

/**
 * A field of something that the platform tells, in the language in use: by its code where the language has the sentence, else as the
 * platform wrote it. Words of others (a scheduler, a log, a provider) stand in it as they are.
 */
export function told<Field extends string, Of extends { readonly [Key in Field]: string | null | undefined }>(
  of: Of & { readonly said?: Said | undefined },
  field: Field,
): Of[Field] {
  const text = of[field];
  const known = of.said?.[field];
  return known === undefined || typeof text !== 'string' ? text : (sentence({ ...known, text }) as Of[Field]);
}

/** `datasets.file_empty.reason` is `said.datasets.file_empty.reason` in the locale files; English is the platform's own. */
function sentence({ text, code, values }: Part): string {
  const { t, te, locale } = i18n.global;
  if (code === undefined || !te(`said.${code}`)) return text;
  const shown = Object.entries(values ?? {}).map(([name, value]) => [name, show(value, locale.value)]);
  return t(`said.${code}`, Object.fromEntries(shown)).trimEnd();
}

function show(value: unknown, locale: string): string {
  if (typeof value === 'number') return value.toLocaleString(locale, { maximumFractionDigits: 20 });
  if (Array.isArray(value)) {
    const sentences = value.every((each) => typeof each === 'object');
    return value.map((each) => show(each, locale)).join(sentences ? ' ' : ', ');
  }
  return typeof value === 'object' && value !== null ? sentence(value as Part) : String(value);
}
