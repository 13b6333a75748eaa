import type { Transaction } from 'kysely';
import type { Identity } from '#platform/access';
import { uuidv7 } from '#platform/ids';

export interface AuditRecord {
  /** `model.create` */
  action: string;
  resourceType: string;
  resourceId: string | null;
  result: 'allowed' | 'denied' | 'failed';
  /** what denied it */
  rule?: string | null;
  requestId?: string | null;
  remoteAddress?: string | null;
  /** never holds a secret or a prompt */
  detail?: Record<string, unknown>;
}

interface AuditTables {
  audit_entry: {
    id: string;
    actor_id: string;
    actor_kind: string;
    roles: string[];
    action: string;
    resource_type: string;
    resource_id: string | null;
    result: string;
    rule: string | null;
    request_id: string | null;
    remote_address: string | null;
    detail: string;
  };
}

/** Writes the entry with the change: both commit or neither. Chaining comes later, by the sealer. */
export async function recordAudit(trx: Transaction<unknown>, identity: Identity, record: AuditRecord): Promise<void> {
  await (trx as unknown as Transaction<AuditTables>)
    .insertInto('audit_entry')
    .values({
      id: uuidv7(),
      actor_id: identity.userId,
      actor_kind: identity.kind,
      roles: [...identity.roles],
      action: record.action,
      resource_type: record.resourceType,
      resource_id: record.resourceId,
      result: record.result,
      rule: record.rule ?? null,
      request_id: record.requestId ?? null,
      remote_address: record.remoteAddress ?? null,
      detail: JSON.stringify(record.detail ?? {}),
    })
    .execute();
}

export { loadAuditKeys, type AuditHead, type AuditKey } from './chain.ts';
export { createSealer, type AuditSealer } from './seal.ts';
export { verifyAudit, type AuditVerdict } from './verify.ts';
