import type { ColumnRule, ColumnType } from '@llm-ops/contracts';
import { createWords, type Sentence } from '#platform/words';
import { columnType } from '../columns.ts';
import { textOf } from '../cells.ts';
import { literal } from '../duckdb.ts';
import type { RelationColumn } from '../relation.ts';

export const ruleTypes = [
  'schema_required',
  'schema_null',
  'schema_type',
  'schema_unique',
  'schema_values',
  'schema_minimum',
  'schema_maximum',
  'schema_min_length',
  'schema_max_length',
  'schema_pattern',
] as const;
export type RuleType = (typeof ruleTypes)[number];

/** One thing to look for. */
export interface Check {
  type: RuleType;
  column: RelationColumn;
  said: Sentence;
  /** SQL over the column: the value breaks the rule. Null: it takes more than one row to see. */
  broken: string | null;
}

/** What is wrong by type of finding, and what to do, for recommendations. */
export const ruleWords = createWords('rules', {
  schema_required: {
    message: 'A column that the rules require is not there.',
    fix: 'Add the column to the file, or make the rule optional.',
  },
  schema_null: {
    message: 'A value is missing where the rules want one.',
    fix: 'Fill in the values, remove these rows, or allow missing values.',
  },
  schema_type: {
    message: 'A value is not of the type that the rules name.',
    fix: 'Correct the values, or change the type in the rule.',
  },
  schema_unique: {
    message: 'A value that must be unique occurs again.',
    fix: 'Remove the rows that repeat it, or give them values of their own.',
  },
  schema_values: {
    message: 'A value is none of those allowed.',
    fix: 'Correct the values, or add them to those allowed.',
  },
  schema_minimum: { message: 'A number is below the least one allowed.', fix: 'Correct the numbers, or the rule.' },
  schema_maximum: { message: 'A number is above the greatest one allowed.', fix: 'Correct the numbers, or the rule.' },
  schema_min_length: { message: 'A text is shorter than allowed.', fix: 'Lengthen or remove these texts.' },
  schema_max_length: { message: 'A text is longer than allowed.', fix: 'Shorten or remove these texts.' },
  schema_pattern: {
    message: 'A value does not match the pattern.',
    fix: 'Correct the values, or the pattern of the rule.',
  },
} satisfies Record<RuleType, { message: string; fix: string }>);
export const ruleAdvice = ruleWords.all();

/** What is wrong with one value, and the types that it can be of. */
export const breakWords = createWords('break', {
  column_missing: { text: 'The file has no such column; the rule requires it.' },
  missing: { text: 'The value is missing; the rule wants one.' },
  other_type: { text: 'The value is no {type}.' },
  repeated: { text: 'The value occurred in an earlier row; the rule wants it once.' },
  not_allowed: { text: 'The value is none of those that the rule allows.' },
  below: { text: 'The number is below {least}.' },
  above: { text: 'The number is above {most}.' },
  too_short: { text: 'The text has fewer than {least:character}.' },
  too_long: { text: 'The text has more than {most:character}.' },
  no_match: { text: 'The value does not match the pattern of the rule.' },
  string: { text: 'text' },
  integer: { text: 'integer' },
  number: { text: 'number' },
  boolean: { text: 'boolean' },
  date: { text: 'date' },
  datetime: { text: 'date with time' },
  list: { text: 'list' },
  object: { text: 'object' },
  binary: { text: 'binary' },
  mixed: { text: 'mixture' },
});

/** The checks of a rule for a column that is there. Missing values break `nullable` alone. */
export function checksOf(rule: ColumnRule, column: RelationColumn): Check[] {
  const text = plainText(column);
  const number = `try_cast(${text} as double)`;
  const checks: Check[] = [];
  const add = (type: RuleType, said: Sentence, broken: string | null): void =>
    void checks.push({ type, column, said, broken });
  if (!rule.nullable) add('schema_null', breakWords.line('missing'), `${column.sql} is null`);
  if (rule.type !== undefined) {
    const wrong = wrongType(rule.type, column, text);
    if (wrong !== null)
      add(
        'schema_type',
        breakWords.line('other_type', { type: breakWords.line(rule.type) }),
        `${column.sql} is not null and ${wrong}`,
      );
  }
  if (rule.unique) add('schema_unique', breakWords.line('repeated'), null);
  if (rule.values !== undefined) {
    const allowed = rule.values.map(literal).join(', ');
    add(
      'schema_values',
      breakWords.line('not_allowed'),
      allowed === '' ? `${column.sql} is not null` : `${text} not in (${allowed})`,
    );
  }
  if (rule.minimum !== undefined) {
    add('schema_minimum', breakWords.line('below', { least: rule.minimum }), `${number} < ${real(rule.minimum)}`);
  }
  if (rule.maximum !== undefined) {
    add('schema_maximum', breakWords.line('above', { most: rule.maximum }), `${number} > ${real(rule.maximum)}`);
  }
  if (rule.min_length !== undefined) {
    add(
      'schema_min_length',
      breakWords.line('too_short', { least: rule.min_length }),
      `length(${text}) < ${rule.min_length}`,
    );
  }
  if (rule.max_length !== undefined) {
    add(
      'schema_max_length',
      breakWords.line('too_long', { most: rule.max_length }),
      `length(${text}) > ${rule.max_length}`,
    );
  }
  if (rule.pattern !== undefined) {
    add('schema_pattern', breakWords.line('no_match'), `not regexp_matches(${text}, ${literal(rule.pattern)})`);
  }
  return checks;
}

const real = (value: number): string => `${value.toExponential()}::double`;

/** Text of a value as a person would write it: a JSON string without its quotes. */
export const plainText = ({ sql, physical }: RelationColumn): string =>
  physical === 'JSON' ? `(${sql} ->> '$')` : textOf(sql, physical);

/** What JSON calls the types; a date is a text there. */
const jsonTypes: Partial<Record<ColumnType, string>> = {
  string: "= 'VARCHAR'",
  integer: "in ('BIGINT', 'UBIGINT')",
  number: "in ('BIGINT', 'UBIGINT', 'DOUBLE')",
  boolean: "= 'BOOLEAN'",
  list: "= 'ARRAY'",
  object: "= 'OBJECT'",
};

/** SQL that is true for a value of another type; null where every value has it. Columns of a CSV are text, which has the type that it reads as. */
function wrongType(type: ColumnType, column: RelationColumn, text: string): string | null {
  const { sql, physical } = column;
  if (type === 'mixed' || (type === 'string' && physical === 'VARCHAR')) return null;
  if (physical === 'JSON') {
    const json = jsonTypes[type];
    if (json !== undefined) return `not coalesce(json_type(${sql}) ${json}, false)`;
    return wrongText(type, text);
  }
  if (physical === 'VARCHAR') return wrongText(type, text);
  const own = columnType(physical);
  if (own === type || (type === 'number' && own === 'integer')) return null;
  if (type === 'integer' && own === 'number') return `${sql} <> floor(${sql})`;
  if (type === 'datetime' && own === 'date') return null;
  return 'true';
}

function wrongText(type: ColumnType, text: string): string {
  switch (type) {
    case 'integer':
      return `not regexp_full_match(trim(${text}), '[+-]?[0-9]+')`;
    case 'number':
      return `not coalesce(isfinite(try_cast(${text} as double)), false)`;
    case 'boolean':
      return `lower(trim(${text})) not in ('true', 'false')`;
    case 'date':
      return `not (regexp_full_match(trim(${text}), '[0-9]{4}-[0-9]{2}-[0-9]{2}') and try_cast(${text} as date) is not null)`;
    case 'datetime':
      return `try_cast(${text} as timestamp) is null`;
    case 'list':
      return `not coalesce(json_valid(${text}) and json_type(case when json_valid(${text}) then ${text} end) = 'ARRAY', false)`;
    case 'object':
      return `not coalesce(json_valid(${text}) and json_type(case when json_valid(${text}) then ${text} end) = 'OBJECT', false)`;
    case 'binary':
    case 'string':
    case 'mixed':
      return 'true';
  }
}
