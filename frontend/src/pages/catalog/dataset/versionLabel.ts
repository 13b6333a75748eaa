/**
 * A label that may come after one: `1.4` → `1.5`, `v2` → `v3`, `final` → `final-2`; with a word for what was done: `1.4-redacted`, and what
 * comes after that is `1.5`.
 */
export function nextVersion(label: string, word?: string): string {
  if (word !== undefined) {
    const known = new RegExp(`^(.*)-${word}(?:-(\\d+))?$`).exec(label);
    return known ? `${known[1]}-${word}-${Number(known[2] ?? 1) + 1}` : `${label}-${word}`;
  }
  const plain = label.replace(/-redacted(?:-\d+)?$/, '');
  const numbered = /^(.*?)(\d{1,15})$/.exec(plain);
  return numbered ? `${numbered[1]}${Number(numbered[2]) + 1}` : `${plain}-2`;
}
