const initials = 'g kk n d tt r m b pp s ss  j jj ch k t p h'.split(' ');
const medials = 'a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i'.split(' ');
const finals = ' k k k n n n t l k m l l l p l m p p t t ng t t k t p t'.split(' ');
const firstSyllable = 0xac00;

/** Hangul in Latin letters, each syllable as it is said by itself: 고객상담 is gogaeksangdam. */
const romanised = (text: string) =>
  text.replaceAll(/[가-힣]/g, (syllable) => {
    const place = syllable.charCodeAt(0) - firstSyllable;
    const initial = initials[Math.floor(place / 588)] ?? '';
    const medial = medials[Math.floor((place % 588) / 28)] ?? '';
    return initial + medial + (finals[place % 28] ?? '');
  });

const endingOf = (name: string) => /(\.[A-Za-z]+)?(\.gz)?$/i.exec(name)?.[0] ?? '';
const most = 120;

/**
 * The name that a file is sent under: the platform keeps letters, digits, dots, underscores and dashes. Hangul and accents become plain
 * letters, the rest dashes; a name that was made so and that another file has (`taken`) gets a number.
 */
export function sendableName(name: string, taken: readonly string[] = []): string {
  if (/^[A-Za-z0-9._-]{1,128}$/.test(name)) return name;
  const ending = endingOf(name);
  const plain = romanised(name.slice(0, name.length - ending.length).normalize('NFC'))
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[-.]+|-+$/g, '')
    .slice(0, most - ending.length);
  const base = plain === '' ? 'file' : plain;
  const lower = new Set(taken.map((one) => one.toLowerCase()));
  for (let number = 1; ; number += 1) {
    const made = number === 1 ? base + ending : `${base}-${number}${ending}`;
    if (!lower.has(made.toLowerCase())) return made;
  }
}
