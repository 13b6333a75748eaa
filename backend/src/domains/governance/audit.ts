import { Readable } from 'node:stream';
import type { AuditEntry, governanceRoutes } from '@llm-ops/contracts';
import type { z } from 'zod';
import type { AuditVerdict } from '#platform/audit';
import { decodeCursor, pageOf, type Context, type FileAnswer, type Paged } from '#platform/http';
import { listEntries, type AuditRow } from './audit-store.ts';
import type { GovernanceDeps } from './deps.ts';

type Routes = typeof governanceRoutes;
type Entry = z.output<typeof AuditEntry>;

const batch = 1_000;

export function createAudit({ kysely, verify }: GovernanceDeps & { verify: () => Promise<AuditVerdict> }) {
  /** Read as fast as it is taken, oldest first. */
  async function* lines(query: Context<Routes['exportAuditLogs']>['query']): AsyncGenerator<string> {
    let beyond: string | null = null;
    for (;;) {
      const rows: AuditRow[] = await listEntries(kysely, query, { limit: batch, beyond, order: 'oldest' });
      if (rows.length === 0) return;
      yield rows.map((row) => `${JSON.stringify(view(row))}\n`).join('');
      beyond = rows.at(-1)!.id;
    }
  }

  return {
    async list(c: Context<Routes['listAuditLogs']>): Promise<Paged<Entry[]>> {
      const { limit, cursor, ...filters } = c.query;
      const beyond = decodeCursor(cursor)?.id ?? null;
      const rows = await listEntries(kysely, filters, { limit: limit + 1, beyond, order: 'newest' });
      const page = pageOf(rows, limit, (row) => ({ at: row.at, id: row.id }));
      return { rows: page.rows.map(view), next: page.next };
    },

    async export(c: Context<Routes['exportAuditLogs']>): Promise<FileAnswer> {
      return {
        body: Readable.from(lines(c.query), { objectMode: true, highWaterMark: 1 }),
        contentType: 'application/x-ndjson',
        fileName: 'audit.jsonl',
      };
    },

    verify: (): Promise<AuditVerdict> => verify(),
  };
}

const view = (row: AuditRow): Entry => ({
  id: row.id,
  sequence: row.sequence === null ? null : Number(row.sequence),
  at: row.at.toISOString(),
  actor_id: row.actor_id,
  actor_kind: row.actor_kind,
  roles: row.roles,
  action: row.action,
  resource_type: row.resource_type,
  resource_id: row.resource_id,
  result: row.result,
  rule: row.rule,
  request_id: row.request_id,
  remote_address: row.remote_address,
  detail: row.detail,
  hash: row.hash,
});
