import { otherNames } from '@llm-ops/contracts';
import type { z } from 'zod';
import { fieldWords, unknownField, type Issue } from '#platform/errors';

interface Definition {
  type: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  options?: readonly z.ZodType[];
  discriminator?: string;
  shape?: Record<string, z.ZodType>;
  catchall?: z.ZodType;
}

interface Walk {
  issues: Issue[];
  /** names at the top that the reply has: see `unknownField` */
  answered: ReadonlySet<string>;
}

const mostIssues = 20;
const definitionOf = (schema: z.ZodType) => schema._zod.def as unknown as Definition;

/**
 * Brings the keys of a request to those that its schema declares: one that came in the other case (`ownerTeam` for `owner_team`) is
 * renamed, one given in both cases is an issue, and so is one that is not declared at all, which would be lost without a word. Left alone
 * are records, whose keys are the client's own (metadata, env), and what the schema itself leaves open: `z.looseObject`, `catchall`.
 */
export function declaredFields(
  schema: z.ZodType,
  value: unknown,
  answered: ReadonlySet<string> = new Set(),
): { value: unknown; issues: Issue[] } {
  const issues: Issue[] = [];
  return { value: walk(schema, value, [], { issues, answered }), issues };
}

function walk(schema: z.ZodType, value: unknown, path: string[], to: Walk): unknown {
  const definition = definitionOf(schema);
  const { type, element, valueType } = definition;
  if (type === 'object' && isRecord(value)) return walkObject(definition, value, path, to);
  if (type === 'array' && Array.isArray(value) && element !== undefined)
    return value.map((item, index) => walk(element, item, [...path, String(index)], to));
  if (type === 'record' && isRecord(value) && valueType !== undefined) {
    const entries = Object.entries(value).map(([key, item]) => [key, walk(valueType, item, [...path, key], to)]);
    return Object.fromEntries(entries);
  }
  if (type === 'union') {
    const option = optionOf(definition, value);
    return option === undefined ? value : walk(option, value, path, to);
  }
  const inner = definition.innerType ?? (type === 'pipe' ? definition.in : undefined);
  return inner === undefined ? value : walk(inner, value, path, to);
}

/** The shape that the value claims to have. */
function optionOf({ options = [], discriminator }: Definition, value: unknown): z.ZodType | undefined {
  if (Array.isArray(value)) return options.find((option) => definitionOf(option).type === 'array');
  if (!isRecord(value)) return undefined;
  const objects = options.filter((option) => definitionOf(option).type === 'object');
  if (discriminator === undefined) return objects.length === 1 ? objects[0] : undefined;
  return objects.find((option) => definitionOf(option).shape?.[discriminator]?.safeParse(value[discriminator]).success);
}

function walkObject(
  { shape = {}, catchall }: Definition,
  value: Record<string, unknown>,
  path: string[],
  to: Walk,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...value };
  for (const [key, inner] of Object.entries(shape)) {
    const other = key.includes('_') ? camel(key) : snake(key);
    if (other !== key && Object.hasOwn(result, other) && !Object.hasOwn(shape, other)) {
      if (Object.hasOwn(result, key))
        to.issues.push({ path: [...path, key].join('.'), ...fieldWords.tell('given_twice', { one: key, other }) });
      else result[key] = result[other];
      delete result[other];
    }
    if (Object.hasOwn(result, key)) result[key] = walk(inner, result[key], [...path, key], to);
  }
  if (catchall !== undefined) return result;
  const answered = path.length === 0 ? to.answered : undefined;
  for (const key of Object.keys(result)) {
    if (Object.hasOwn(shape, key)) continue;
    if (to.issues.length >= mostIssues) break;
    to.issues.push(unknownField([...path, key], Object.keys(shape), answered, othersOf(shape)));
  }
  return result;
}

function othersOf(shape: Record<string, z.ZodType>): Map<string, readonly string[]> {
  return new Map(Object.entries(shape).map(([key, inner]) => [key, otherNames.get(inner)?.names ?? []]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function camel(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
