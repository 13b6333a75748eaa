import { sentences } from '@llm-ops/contracts';
import type { z } from 'zod';
import { fieldWords as words, type Issue } from '#platform/errors';
import { createWords, type Said, type Sentence, type Told } from '#platform/words';

type Raw = z.core.$ZodRawIssue;
type Message = Told<{ message: string }>;

/** The sentences that schemas have of their own. */
export const contractWords = createWords(
  'contract',
  Object.fromEntries(Object.entries(sentences).map(([code, message]) => [code, { message }])),
);
const ofContract = new Map(
  Object.keys(sentences).map((code) => {
    const { message, said } = contractWords.tell(code) as Message;
    return [message, said];
  }),
);

/** Parses; a refused value has one issue a field, each a sentence of the platform, and zod's own English nowhere. */
export function parse<T extends z.ZodType>(
  schema: T,
  value: unknown,
): { data: z.output<T>; issues: [] } | { issues: Issue[] } {
  const told = new Map<string, Said>(ofContract);
  const error = (raw: Raw): string => {
    const { message, said } = sentenceOf(raw);
    told.set(message, said);
    return message;
  };
  const result = schema.safeParse(value, { error });
  if (result.success) return { data: result.data, issues: [] };
  const issues: Issue[] = [];
  const mistyped = new Set<string>();
  for (const { code, path, message } of result.error.issues) {
    const at = path.map(String).join('.') || 'body';
    // how long it is does not matter in a value of another type
    if (mistyped.has(at)) continue;
    if (code === 'invalid_type') mistyped.add(at);
    const said = told.get(message);
    issues.push({ path: at, message, ...(said === undefined ? {} : { said }) });
  }
  return { issues };
}

/** Pure. */
export function sentenceOf(issue: Raw): Message {
  switch (issue.code) {
    case 'invalid_type': {
      if (issue.input === undefined) return words.tell('missing');
      return words.tell('type', { expected: kind(String(issue.expected)), received: kind(kindOf(issue.input)) });
    }
    case 'invalid_value': {
      if (issue.input === undefined) return words.tell('missing');
      const values = (issue.values as readonly unknown[]).map(String);
      return values.length === 1 ? words.tell('one', { value: values[0]! }) : words.tell('one_of', { values });
    }
    case 'too_small':
      return tooSmall(issue.origin as string, Number(issue.minimum), issue.inclusive === false);
    case 'too_big':
      return tooBig(issue.origin as string, Number(issue.maximum), issue.inclusive === false);
    case 'invalid_format':
      return badFormat(issue);
    case 'not_multiple_of':
      return words.tell('multiple', { of: Number(issue.divisor) });
    case 'invalid_union':
      return issue.input === undefined ? words.tell('missing') : words.tell('no_shape');
    default:
      return words.tell('other');
  }
}

function tooSmall(origin: string, least: number, exclusive: boolean): Message {
  if (origin === 'string') return least === 1 ? words.tell('empty') : words.tell('characters_least', { least });
  if (isMany(origin)) return words.tell('entries_least', { least });
  return words.tell(exclusive ? 'above' : 'least', { least });
}

function tooBig(origin: string, most: number, exclusive: boolean): Message {
  if (origin === 'string') return words.tell('characters_most', { most });
  if (isMany(origin)) return words.tell('entries_most', { most });
  return words.tell(exclusive ? 'below' : 'most', { most });
}

function badFormat(issue: Raw): Message {
  const { format, prefix, pattern } = issue as { format?: string; prefix?: string; pattern?: string };
  if (format === 'uuid') return words.tell('id');
  if (format === 'datetime') return words.tell('moment');
  if (format === 'date') return words.tell('day');
  if (prefix !== undefined) return words.tell('begins', { prefix });
  return pattern === undefined ? words.tell('other') : words.tell('format', { pattern });
}

const isMany = (origin: string) => ['array', 'set', 'map'].includes(origin);

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isNaN(value) ? 'nan' : typeof value;
}

const kinds = ['string', 'number', 'int', 'nan', 'boolean', 'array', 'object', 'null'] as const;

function kind(name: string): Sentence {
  const plain = name === 'record' ? 'object' : name;
  const known = kinds.find((one) => one === plain);
  return words.line(known === undefined ? 'kind_other' : `kind_${known}`);
}
