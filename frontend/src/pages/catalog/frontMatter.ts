/** A model card in the hub's form begins with YAML between two lines of dashes; what people read comes after it. */
export function withoutFrontMatter(text: string): string {
  return text.replace(/^---\r?\n[^]*?\r?\n---\r?\n/, '');
}
