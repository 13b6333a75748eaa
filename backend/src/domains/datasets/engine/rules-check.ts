import type { ColumnRule } from '@llm-ops/contracts';
import { failure } from '#platform/errors';
import type { Sentence } from '#platform/words';
import { ident, literal, rowColumn, type DuckDb } from './duckdb.ts';
import { tellable } from './findings/sentences.ts';
import type { FindingRun } from './findings/sink.ts';
import { fileColumn, openRelation, type Relation } from './relation.ts';
import { breakWords, checksOf, plainText, type Check, type RuleType } from './rules-check/conditions.ts';
import type { FoundLine, RowsFile } from './tasks.ts';
import { refusalWords } from '../refusals.ts';

export { ruleAdvice } from './rules-check/conditions.ts';

export interface FoundRules {
  /** begins a pass: within one the findings come in the order of files and rows */
  run(): FindingRun;
  /** a little of a value for people, with what is personal masked */
  excerpt(value: string): string;
  /** the same for the same content in every version */
  fingerprint(what: string, parts: readonly (string | null)[]): string;
}

/** Checks that are counted in one scan, or told in one pass. */
const checksAtOnce = 100;
/** Characters of a value that are read for its excerpt and fingerprint. */
const shown = 1000;

/**
 * Holds the rows against the rules of people: every break is a finding of kind `schema`, one for each rule and row. A column that a rule requires and a file lacks is one finding for the file, at row 0.
 * @returns `broken`: breaks, a missing column counted for each row; `without`: rows that lack a value which a rule requires
 * @throws `validation_failed` for a pattern that RE2 cannot read
 */
export async function checkRules(
  db: DuckDb,
  files: readonly RowsFile[],
  rules: readonly ColumnRule[],
  found: FoundRules,
): Promise<{ broken: number; without: number }> {
  await checkPatterns(db, rules);
  const relation = await openRelation(db, files);
  const columns = new Map(relation.columns.map((column) => [column.name, column]));
  const absent = absences(files, rules);
  const checks = rules.flatMap((rule) => {
    const column = columns.get(rule.name);
    return column === undefined ? [] : checksOf(rule, column);
  });
  const counted = await countBreaks(db, relation, checks, files);
  await tellAbsences(files, found, absent);
  const broken = checks.filter((_, at) => counted[at]! > 0);
  for (let first = 0; first < broken.length; first += checksAtOnce) {
    await tellBreaks({ db, relation, files, found, checks: broken.slice(first, first + checksAtOnce) });
  }
  const sum = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0);
  const lacking = sum(absent.map(({ file }) => files[file]!.rows));
  return {
    broken: sum(counted) + lacking,
    without: Math.min(relation.rows, sum(counted.filter((_, at) => checks[at]!.type === 'schema_null')) + lacking),
  };
}

async function checkPatterns(db: DuckDb, rules: readonly ColumnRule[]): Promise<void> {
  for (const { name, pattern } of rules) {
    if (pattern === undefined) continue;
    try {
      await db.one(`select regexp_matches('', ${literal(pattern)}) as matches`);
    } catch (cause) {
      throw failure('validation_failed', {
        ...refusalWords.tell('rule_pattern', { column: JSON.stringify(name) }),
        cause,
      });
    }
  }
}

/** Which file lacks which column that it must have. */
interface Absence {
  file: number;
  name: string;
}

function absences(files: readonly RowsFile[], rules: readonly ColumnRule[]): Absence[] {
  return files.flatMap(({ columns }, file) => {
    const names = new Set(columns.map(({ name }) => name));
    return rules.filter(({ name, required }) => required && !names.has(name)).map(({ name }) => ({ file, name }));
  });
}

async function countBreaks(
  db: DuckDb,
  relation: Relation,
  checks: readonly Check[],
  files: readonly RowsFile[],
): Promise<number[]> {
  const counted: number[] = [];
  for (let first = 0; first < checks.length; first += checksAtOnce) {
    const some = checks.slice(first, first + checksAtOnce);
    const asked = some.map((check, at) => `${countSql(check, files)} as n${at}`);
    const columns = [...new Set(some.map(({ column }) => column))];
    const row = await db.one<Record<string, number>>(`select ${asked.join(', ')} from ${relation.from(columns)}`);
    counted.push(...some.map((_, at) => row[`n${at}`]!));
  }
  return counted;
}

const countSql = (check: Check, files: readonly RowsFile[]): string =>
  check.broken === null
    ? `count(${check.column.sql}) - count(distinct ${check.column.sql})`
    : `count(*) filter (where ${conditionOf(check, files)})`;

/** In files that lack the column nothing is missing but the column. */
function conditionOf(check: Check, files: readonly RowsFile[]): string {
  const { name } = check.column;
  const having = files.filter(({ columns }) => columns.some((column) => column.name === name));
  if (check.type !== 'schema_null' || having.length === files.length) return `${check.broken}`;
  return `${check.broken} and ${ident(fileColumn)} in (${having.map(({ local }) => literal(local)).join(', ')})`;
}

async function tellBreaks(options: {
  db: DuckDb;
  relation: Relation;
  files: readonly RowsFile[];
  found: FoundRules;
  checks: readonly Check[];
}): Promise<void> {
  const { db, relation, files, found, checks } = options;
  const run = found.run();
  for await (const chunk of db.stream(breaksSql(relation, files, checks))) {
    const [which, places, rows, values] = [chunk.column(0), chunk.column(1), chunk.column(2), chunk.strings(3)];
    for (let at = 0; at < chunk.rows; at++) {
      const [check, file, row, value] = [checks[Number(which[at])]!, Number(places[at]), Number(rows[at]), values[at]!];
      run.add('schema', check.type, file, row, () =>
        lineOf(found, { ...check, file: files[file]!, row, column: check.column.name, value }),
      );
    }
    await run.flush();
  }
}

async function tellAbsences(files: readonly RowsFile[], found: FoundRules, absent: readonly Absence[]): Promise<void> {
  const run = found.run();
  const type = 'schema_required';
  for (const { file, name } of absent) {
    run.add('schema', type, file, 0, () =>
      lineOf(found, {
        type,
        said: breakWords.line('column_missing'),
        file: files[file]!,
        row: 0,
        column: name,
        value: null,
      }),
    );
  }
  await run.flush();
}

function lineOf(
  { excerpt, fingerprint }: FoundRules,
  broken: { type: RuleType; said: Sentence; file: RowsFile; row: number; column: string; value: string | null },
): FoundLine {
  const { type, said, file, row, column, value } = broken;
  return {
    kind: 'schema',
    type,
    file: file.path,
    row,
    column,
    start: null,
    end: null,
    excerpt: value === null ? null : excerpt(value),
    confidence: 1,
    ...tellable(said),
    fingerprint: fingerprint(type, [column, value]),
  };
}

/** All breaks as (check, file, row, value), in the order of files and rows. */
function breaksSql(relation: Relation, files: readonly RowsFile[], checks: readonly Check[]): string {
  const paths = `[${files.map(({ local }) => literal(local)).join(', ')}]`;
  const file = `list_position(${paths}, ${ident(fileColumn)}) - 1`;
  const parts = checks.map((check, at) => {
    const value = `left(${plainText(check.column)}, ${shown})`;
    const selected = `select ${at} as which, ${file} as file, ${ident(rowColumn)} as row, ${value} as value`;
    const from = relation.from([check.column]);
    if (check.broken !== null) return `${selected} from ${from} where ${conditionOf(check, files)}`;
    const { sql } = check.column;
    const repeated = `select ${sql} from ${from} where ${sql} is not null group by ${sql} having count(*) > 1`;
    return `${selected} from ${from} where ${sql} in (${repeated})
      qualify row_number() over (partition by ${sql} order by file, ${ident(rowColumn)}) > 1`;
  });
  return `select which, file, row, value from (${parts.join(' union all ')}) order by file, row, which`;
}
