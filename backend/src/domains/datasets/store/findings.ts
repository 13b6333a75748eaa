import type { FindingKind, Triage } from '@llm-ops/contracts';
import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { keepable, on, type Connection, type DatasetRow, type FindingRow } from './tables.ts';

/** A dataset in all its versions: what was decided about a finding holds for all of them. */
export type Family = Pick<DatasetRow, 'owner_team' | 'name'>;
export type JudgedFinding = FindingRow & { triage: Triage };

export interface FindingFilter {
  kind?: FindingKind | undefined;
  type?: string | undefined;
  triage?: Triage | undefined;
  column?: string | undefined;
  file?: string | undefined;
}

/** How many findings of personal data of one type were kept, are sure enough to count, and still count. */
export interface Held {
  type: string;
  kept: number;
  sure: number;
  /** nobody has judged it */
  open: number;
  /** open or real */
  harmful: number;
  /** the same and sure */
  held: number;
}

const columns = [
  'number',
  'kind',
  'type',
  'file',
  'row_number',
  'column_name',
  'span_start',
  'span_end',
  'excerpt',
  'confidence',
  'message',
  'said',
  'fingerprint',
] as const;
const listed = sql.raw(columns.join(', '));
/** as unsure as that is not held against a dataset */
const unsure = 0.5;

export function createFindingStore(kysely: Connection) {
  const triageOf = (of: Family): RawBuilder<unknown> => sql`left join dataset_triage triage
    on triage.owner_team = ${of.owner_team} and triage.name = ${of.name} and triage.fingerprint = finding.fingerprint`;
  return {
    /** Makes room for what `add` is given, in this transaction. */
    async stage(trx: Connection): Promise<void> {
      await sql`create temporary table staged_finding (like dataset_finding) on commit drop`.execute(on(trx));
      await sql`alter table staged_finding alter column validation_id drop not null`.execute(on(trx));
    },

    /** At most a thousand at a time, each the JSON of a `FoundLine`; `first` is the number of the first. */
    async add(trx: Connection, first: number, lines: readonly string[]): Promise<void> {
      // as JSON, because arrays of parameters hold up this process twenty times as long
      await sql`insert into staged_finding (${listed})
        select ${first}::int + found.place, kind, type, file, "row", "column", start, "end", excerpt, confidence, message, said, fingerprint
        from rows from (json_to_recordset(${keepable(`[${lines.join(',')}]`)}::json) as (
          kind text, type text, file text, "row" bigint, "column" text, start int, "end" int, excerpt text, confidence real, message text,
          said jsonb, fingerprint text
        )) with ordinality as found (
          kind, type, file, "row", "column", start, "end", excerpt, confidence, message, said, fingerprint, place
        )`.execute(on(trx));
    },

    /** Records what was staged, numbered in the order of files, rows and places. Answers how many. */
    async record(trx: Connection, validationId: string): Promise<number> {
      const { numAffectedRows } = await sql`insert into dataset_finding (validation_id, ${listed})
        select ${validationId}::uuid,
          (row_number() over (order by file collate "C", row_number, column_name collate "C" nulls first, span_start nulls first, number))::int,
          ${sql.raw(columns.slice(1).join(', '))}
        from staged_finding`.execute(on(trx));
      return Number(numAffectedRows ?? 0n);
    },

    /** One more than `limit`, by number after `after`. */
    async list(
      of: Family,
      validationId: string,
      filter: FindingFilter,
      page: { after: number; limit: number },
    ): Promise<JudgedFinding[]> {
      const tests: RawBuilder<SqlBool>[] = [
        sql`finding.validation_id = ${validationId}::uuid`,
        sql`finding.number > ${page.after}`,
      ];
      if (filter.kind !== undefined) tests.push(sql`finding.kind = ${filter.kind}`);
      if (filter.type !== undefined) tests.push(sql`finding.type = ${filter.type}`);
      if (filter.column !== undefined) tests.push(sql`finding.column_name = ${filter.column}`);
      if (filter.file !== undefined) tests.push(sql`finding.file = ${filter.file}`);
      if (filter.triage !== undefined) tests.push(sql`coalesce(triage.triage, 'open') = ${filter.triage}`);
      const { rows } = await sql<JudgedFinding>`select finding.*, coalesce(triage.triage, 'open') as triage
        from dataset_finding finding ${triageOf(of)}
        where ${sql.join(tests, sql` and `)} order by finding.number limit ${page.limit + 1}`.execute(on(kysely));
      return rows;
    },

    /** Personal data of a validation by type, the most frequent first. */
    async held(of: Family, validationId: string, trx: Connection = kysely): Promise<Held[]> {
      const { rows } = await sql<Held>`
        select finding.type, count(*)::int as kept, count(*) filter (where confidence >= ${unsure})::int as sure,
          count(*) filter (where triage.triage is null)::int as open,
          count(*) filter (where coalesce(triage.triage, 'real') = 'real')::int as harmful,
          count(*) filter (where confidence >= ${unsure} and coalesce(triage.triage, 'real') = 'real')::int as held
        from dataset_finding finding ${triageOf(of)}
        where finding.validation_id = ${validationId}::uuid and finding.kind = 'pii'
        group by finding.type order by count(*) desc, finding.type`.execute(on(trx));
      return rows;
    },

    /** What people decided so far, by fingerprint. */
    async triages(of: Family): Promise<Record<string, Triage>> {
      const query = on(kysely).selectFrom('dataset_triage').select(['fingerprint', 'triage']);
      const rows = await query.where('owner_team', '=', of.owner_team).where('name', '=', of.name).execute();
      return Object.fromEntries(rows.map(({ fingerprint, triage }) => [fingerprint, triage]));
    },

    /** One after the other judges findings of a dataset, in whichever version. */
    async lockFamily(trx: Connection, of: Family): Promise<void> {
      const key = `dataset-triage ${of.owner_team}\u0001${of.name}`;
      await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(on(trx));
    },

    /**
     * Decides about findings of a validation, those of `type` or `fingerprints`. Open: what was decided is forgotten. Answers how many
     * contents were judged otherwise before, by type.
     */
    async judge(
      trx: Connection,
      of: Family,
      decision: {
        validationId: string;
        fingerprints: readonly string[] | undefined;
        type: string | undefined;
        triage: Triage;
        note: string | null;
        by: string;
      },
    ): Promise<{ type: string; count: number }[]> {
      const tests: RawBuilder<SqlBool>[] = [sql`validation_id = ${decision.validationId}::uuid`];
      if (decision.type !== undefined) tests.push(sql`type = ${decision.type}`);
      if (decision.fingerprints !== undefined)
        tests.push(sql`fingerprint = any(${[...decision.fingerprints]}::text[])`);
      const chosen = sql`select distinct on (fingerprint) fingerprint, type from dataset_finding
        where ${sql.join(tests, sql` and `)} order by fingerprint`;
      const change =
        decision.triage === 'open'
          ? sql`delete from dataset_triage judged using chosen where judged.owner_team = ${of.owner_team} and judged.name = ${of.name}
              and judged.fingerprint = chosen.fingerprint returning judged.type`
          : sql`insert into dataset_triage as judged (owner_team, name, fingerprint, type, triage, note, decided_by)
              select ${of.owner_team}, ${of.name}, fingerprint, type, ${decision.triage}, ${decision.note}::text, ${decision.by} from chosen
              on conflict (owner_team, name, fingerprint) do update
              set triage = excluded.triage, note = excluded.note, decided_by = excluded.decided_by, decided_at = now()
              where judged.triage <> excluded.triage or judged.note is distinct from excluded.note
              returning judged.type`;
      const { rows } = await sql<{ type: string; count: number }>`with chosen as (${chosen}), changed as (${change})
        select type, count(*)::int as count from changed group by type order by type`.execute(on(trx));
      return rows;
    },

    /** Versions with a result of their present files, locked, with the validation that it is of. */
    async validatedVersions(trx: Connection, of: Family): Promise<{ row: DatasetRow; validationId: string }[]> {
      const rows = await on(trx)
        .selectFrom('dataset')
        .selectAll()
        .where('owner_team', '=', of.owner_team)
        .where('name', '=', of.name)
        .where('validated_digest', 'is not', null)
        .orderBy('id')
        .forUpdate()
        .execute();
      const found: { row: DatasetRow; validationId: string }[] = [];
      for (const row of rows) {
        const query = on(trx)
          .selectFrom('dataset_validation')
          .select('id')
          .where('dataset_id', '=', row.id)
          .where('status', '=', 'succeeded')
          .where('files_digest', '=', row.validated_digest);
        const newest = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(1).executeTakeFirst();
        if (newest) found.push({ row, validationId: newest.id });
      }
      return found;
    },
  };
}
