import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { AuditHead } from '#platform/audit';
import { isFailure } from '#platform/errors';
import type { Objects } from '#ports/objects';

/** Where the end of the chain is kept among the objects. */
export const auditHeadKey = 'audit/head.json';

/** The end of the audit chain in the object store, out of reach of whoever holds the database alone. */
export function createHeadFile(objects: Objects) {
  return {
    async write(head: AuditHead): Promise<void> {
      await objects.put(auditHeadKey, Readable.from([JSON.stringify(head)]));
    },
    async read(): Promise<AuditHead | null> {
      try {
        return JSON.parse(await text(await objects.get(auditHeadKey))) as AuditHead;
      } catch (error) {
        if (isFailure(error, 'object_not_found')) return null;
        throw error;
      }
    },
  };
}
