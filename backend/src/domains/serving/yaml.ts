/** Texts that YAML would read as something else, or not at all, are quoted; JSON's quotes are YAML's. */
const plain = /^(?![-?:,[\]{}#&*!|>'"%@`\s])(?!.*(?::\s|\s#|:$))[\x20-\x7e]*[^\s]$/;
const reserved =
  /^(?:~|null|true|false|yes|no|on|off|y|n|[-+.]?\d[\d_.,:eExXoO+-]*[A-Fa-f\d]*|\.inf|\.nan|[-+]?\.inf|<<|=|---.*|\.\.\.)$/i;

/** A value of JSON as YAML, in the order of its fields, two spaces a level. Pure. */
export function yamlOf(value: unknown): string {
  return `${lines(value, '').join('\n')}\n`;
}

/** Several documents in one file. */
export const yamlDocuments = (values: readonly unknown[]): string =>
  values.map((value) => `---\n${yamlOf(value)}`).join('');

function lines(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${indent}[]`];
    return value.flatMap((one: unknown) => {
      if (isScalar(one)) return [`${indent}- ${scalar(one)}`];
      const [first = '', ...rest] = lines(one, `${indent}  `);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  }
  if (isScalar(value)) return [`${indent}${scalar(value)}`];
  return Object.entries(value as object).flatMap(([key, one]: [string, unknown]) => {
    if (one === undefined) return [];
    const name = `${indent}${text(key)}:`;
    return isScalar(one) ? [`${name} ${scalar(one)}`] : [name, ...lines(one, `${indent}  `)];
  });
}

/** What stands on one line. */
function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null || Object.keys(value).length === 0;
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[]' : '{}';
  return value === undefined ? 'null' : String(value);
}

const text = (value: string) => (plain.test(value) && !reserved.test(value) ? value : JSON.stringify(value));
