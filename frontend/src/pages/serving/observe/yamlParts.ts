export interface YamlPart {
  /** `Deployment serving-…` */
  title: string;
  text: string;
}

/** The documents of an exported file, each with what it is; what stands before the first is its head. */
export function yamlParts(file: string): { head: string; parts: YamlPart[] } {
  const [head = '', ...documents] = `\n${file}`.split(/\n---\n/);
  const parts = documents.map((text) => ({ title: `${kindOf(text)} ${nameOf(text)}`.trim(), text: text.trimEnd() }));
  return { head: head.trim().replaceAll(/^# ?/gm, ''), parts };
}

const kindOf = (text: string) => /^kind: (.+)$/m.exec(text)?.[1] ?? '';
/** In `metadata`, or at the top of what is no Kubernetes object. */
const nameOf = (text: string) => /^(?:metadata:\n(?: {2,}.*\n)*? {2})?name: (.+)$/m.exec(text)?.[1] ?? '';
