import { createHash, createHmac } from 'node:crypto';
import type { Secrets } from '#platform/secrets';

/** An entry as its seal covers it: times to the microsecond and `detail` as the database writes them. */
export interface SealedEntry {
  id: string;
  at: string;
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
}

export interface AuditKey {
  id: string;
  key: Buffer;
}

/** The end of the chain, kept outside of the database so that a cut-off tail is found. */
export interface AuditHead {
  sequence: number;
  entryId: string;
  /** hex */
  hash: string;
  keyId: string;
  sealedAt: string;
}

export const genesis = Buffer.alloc(32);

/** HMAC-SHA256 over the seal before and every field of the entry, in a fixed order. */
export function sealOf(key: Buffer, before: Buffer, sequence: number, entry: SealedEntry): Buffer {
  const fields = [
    sequence,
    entry.id,
    entry.at,
    entry.actor_id,
    entry.actor_kind,
    entry.roles,
    entry.action,
    entry.resource_type,
    entry.resource_id,
    entry.result,
    entry.rule,
    entry.request_id,
    entry.remote_address,
    entry.detail,
  ];
  return createHmac('sha256', key).update(before).update(JSON.stringify(fields)).digest();
}

function auditKey(material: string | Buffer): AuditKey {
  const key = createHash('sha256').update('llm-ops audit').update(material).digest();
  return { id: createHash('sha256').update('llm-ops audit key id').update(key).digest('hex').slice(0, 16), key };
}

/**
 * The keys of the chain, the one to seal with first. Without AUDIT_KEY a random one is kept among the encrypted secrets, so that
 * changing SECRETS_KEY leaves old seals verifiable; it stays known after AUDIT_KEY was given.
 */
export async function loadAuditKeys(secrets: Secrets, configured?: string): Promise<[AuditKey, ...AuditKey[]]> {
  if (!configured) return [auditKey(await secrets.ensure('audit', 'key', () => randomText()))];
  const stored = await secrets.get('audit', 'key');
  return [auditKey(configured), ...(stored === null ? [] : [auditKey(stored)])];
}

const randomText = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');
