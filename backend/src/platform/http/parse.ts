import type { RouteSpec } from '@llm-ops/contracts';
import { z } from 'zod';
import { failure, fieldWords, type Issue } from '#platform/errors';
import { declaredFields } from './fields.ts';
import { parse } from './refused.ts';

interface Parsed {
  params: unknown;
  query: unknown;
  body: unknown;
}

/**
 * Parses what a route declares, and refuses what it does not: a misspelt field or parameter would be lost without a word. Every wrong
 * field is in the one `validation_failed` that it throws.
 */
export function parseRequest(
  route: RouteSpec,
  params: Record<string, unknown>,
  query: Record<string, unknown>,
  body: unknown,
): Parsed {
  const issues: Issue[] = [];
  const { '*': rest, ...own } = params;
  const named = rest === undefined ? own : { ...own, path: rest };
  const [queryIn, bodyIn] = route.queryOrBody === true ? merged(route, query, body, issues) : [query, body];
  const parsed = {
    params: check(route.params, named, issues),
    query: check(route.query, queryIn, issues),
    body: route.rawBody === true ? undefined : check(route.body, bodyIn, issues, namesOf(route.data)),
  };
  const told = new Set(issues.map(({ path }) => path));
  const texts = [...unstorable({ ...params, ...query }), ...(route.rawBody === true ? [] : unstorable(body))];
  issues.push(...texts.filter(({ path }) => !told.has(path)));
  if (issues.length > 0) throw failure('validation_failed', { issues });
  return parsed;
}

/** What no text of the database can hold: NUL, and halves of characters. A stack instead of recursion, because bodies may be deep. */
function unstorable(value: unknown): Issue[] {
  const found: Issue[] = [];
  const open: [string, unknown][] = [['', value]];
  for (let next = open.pop(); next !== undefined && found.length < 20; next = open.pop()) {
    const [at, one] = next;
    if (typeof one === 'string' && !isPlain(one)) {
      found.push({ path: at.slice(0, 200) || 'body', ...fieldWords.tell('broken_text') });
    } else if (typeof one === 'object' && one !== null) {
      for (const [name, item] of Object.entries(one)) {
        const path = at === '' ? name : `${at}.${name}`;
        if (isPlain(name)) open.push([path.slice(0, 500), item]);
        else found.push({ path: at || 'body', ...fieldWords.tell('broken_name') });
      }
    }
  }
  return found;
}

const isPlain = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

/** Of a route without a body or a query; clients that send `{}` all the same mean nothing by it. */
const nothing = z.object({}).nullish();

function check(
  schema: z.ZodType | undefined,
  value: unknown,
  issues: Issue[],
  answered?: ReadonlySet<string>,
): unknown {
  const declared = declaredFields(schema ?? nothing, value, answered);
  issues.push(...declared.issues);
  const result = parse(schema ?? nothing, declared.value);
  issues.push(...result.issues);
  return 'data' in result && schema !== undefined ? result.data : undefined;
}

/** What the reply tells at its top, or of its entries where it is a list. */
function namesOf(data: z.ZodType | undefined): Set<string> {
  const { shape, innerType } = (data?._zod.def ?? {}) as { shape?: object; innerType?: z.ZodType };
  if (shape !== undefined) return new Set(Object.keys(shape));
  return innerType === undefined ? new Set() : namesOf(innerType);
}

/** The same names in query and body: either may hold them; both with different values is refused. */
function merged(
  route: RouteSpec,
  query: Record<string, unknown>,
  body: unknown,
  issues: Issue[],
): [Record<string, unknown>, unknown] {
  if (body === undefined || body === null) return [query, undefined];
  if (typeof body !== 'object' || Array.isArray(body)) return [query, body];
  const left = declaredFields(route.query!, query).value as Record<string, unknown>;
  const right = declaredFields(route.body!, body).value as Record<string, unknown>;
  for (const [name, value] of Object.entries(left)) {
    if (Object.hasOwn(right, name) && String(right[name]) !== String(value)) {
      issues.push({
        path: name,
        ...fieldWords.tell('given_apart', { query: String(value), body: String(right[name]) }),
      });
    }
  }
  return [query, body];
}
