import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { AuditHead } from '#platform/audit';
import { isFailure } from '#platform/errors';
import type { Objects } from '#ports/objects';

const key = 'audit/head.json';

/** The end of the audit chain in the object store, out of reach of whoever holds the database alone. */
export function createHeadFile(objects: Objects) {
  return {
    async write(head: AuditHead): Promise<void> {
      await objects.put(key, Readable.from([JSON.stringify(head)]));
    },
    async read(): Promise<AuditHead | null> {
      try {
        return JSON.parse(await text(await objects.get(key))) as AuditHead;
      } catch (error) {
        if (isFailure(error, 'object_not_found')) return null;
        throw error;
      }
    },
  };
}
