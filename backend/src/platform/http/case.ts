import type { z } from 'zod';
import type { Issue } from '#platform/errors';

interface Definition {
  type: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
  out?: z.ZodType;
  element?: z.ZodType;
  options?: readonly z.ZodType[];
  shape?: Record<string, z.ZodType>;
}

/**
 * Renames declared keys that came in the other case (`ownerTeam` for `owner_team`). Only keys that the schema declares are touched:
 * never those inside records such as metadata, env or messages. A key given in both cases is an issue.
 */
export function normaliseCase(
  schema: z.ZodType,
  value: unknown,
  path: string[] = [],
): { value: unknown; issues: Issue[] } {
  const issues: Issue[] = [];
  return { value: walk(schema, value, path, issues), issues };
}

function walk(schema: z.ZodType, value: unknown, path: string[], issues: Issue[]): unknown {
  const definition = schema._zod.def as unknown as Definition;
  if (definition.type === 'object' && isRecord(value)) return walkObject(definition.shape ?? {}, value, path, issues);
  if (definition.type === 'array' && Array.isArray(value) && definition.element !== undefined) {
    const { element } = definition;
    return value.map((item, index) => walk(element, item, [...path, String(index)], issues));
  }
  if (definition.type === 'union' && isRecord(value)) {
    const objects = (definition.options ?? []).filter(
      (candidate) => (candidate._zod.def as { type: string }).type === 'object',
    );
    const [only] = objects;
    return objects.length === 1 && only !== undefined ? walk(only, value, path, issues) : value;
  }
  const inner = definition.innerType ?? (definition.type === 'pipe' ? definition.in : undefined);
  return inner === undefined ? value : walk(inner, value, path, issues);
}

function walkObject(
  shape: Record<string, z.ZodType>,
  value: Record<string, unknown>,
  path: string[],
  issues: Issue[],
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...value };
  for (const [key, inner] of Object.entries(shape)) {
    const other = key.includes('_') ? camel(key) : snake(key);
    if (other !== key && Object.hasOwn(result, other) && !Object.hasOwn(shape, other)) {
      if (Object.hasOwn(result, key))
        issues.push({ path: [...path, key].join('.'), message: `Given twice, as ${key} and ${other}: keep one.` });
      else result[key] = result[other];
      delete result[other];
    }
    if (Object.hasOwn(result, key)) result[key] = walk(inner, result[key], [...path, key], issues);
  }
  return result;
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
