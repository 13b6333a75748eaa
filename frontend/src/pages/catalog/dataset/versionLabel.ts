/** A label that may come after one: `1.4` → `1.5`, `v2` → `v3`, `final` → `final-2`; with a word for what was done: `1.4-redacted`. */
export function nextVersion(label: string, word?: string): string {
  if (word !== undefined) {
    const known = new RegExp(`^(.*)-${word}(?:-(\\d+))?$`).exec(label);
    return known ? `${known[1]}-${word}-${Number(known[2] ?? 1) + 1}` : `${label}-${word}`;
  }
  const numbered = /^(.*?)(\d{1,15})$/.exec(label);
  return numbered ? `${numbered[1]}${Number(numbered[2]) + 1}` : `${label}-2`;
}
