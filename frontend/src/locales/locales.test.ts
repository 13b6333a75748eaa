import { describe, expect, it } from 'vitest';

const files = import.meta.glob<{ default: object }>('./*/*.json', { eager: true });

/** `a.b` → text, for every text of a file. */
function texts(value: object, path = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) =>
    typeof child === 'object' && child !== null ? texts(child, `${path}${key}.`) : [[path + key, String(child)]],
  );
}
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].toSorted();
/** `said` is of the platform's own English sentences, which a gate holds it against. */
const areas = [...new Set(Object.keys(files).map((path) => path.split('/').at(-1) ?? ''))].filter(
  (area) => area !== 'said.json',
);

describe.each(areas)('UI-1: texts of %s', (area) => {
  const en = texts(files[`./en/${area}`]?.default ?? {});
  const ko = new Map(texts(files[`./ko/${area}`]?.default ?? {}));
  it('are there in English and Korean', () => {
    expect([...ko.keys()].toSorted()).toEqual(en.map(([key]) => key).toSorted());
  });
  it('take the same values in both', () => {
    const differing = en.filter(([key, text]) => placeholders(text).join() !== placeholders(ko.get(key) ?? '').join());
    expect(differing.map(([key]) => key)).toEqual([]);
  });
});
