import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failure } from '#platform/errors';

const file = z.object({ file: z.string().regex(/^[a-z]+\/?[A-Za-z0-9._-]+$/), sha256: z.string(), bytes: z.number() });
const named = z.object({ schema: z.string(), name: z.string() });

const table = named.extend({ ...file.shape, columns: z.array(z.string()), rows: z.number() });
const partition = named.extend({
  parentSchema: z.string(),
  parent: z.string(),
  /** `FOR VALUES FROM … TO …`, as the server writes it */
  bound: z.string(),
  /** `RANGE (at)` when it is itself partitioned */
  partitionBy: z.string().nullable(),
});
const sequence = named.extend({ value: z.string() });

const manifest = z.object({
  format: z.literal(1),
  createdAt: z.string(),
  /** major version of PostgreSQL */
  postgres: z.number(),
  embedded: z.boolean(),
  /** id of the key that secrets in the database are encrypted with; the key itself is never in a backup */
  secretKeyId: z.string().nullable(),
  migrations: z.array(z.object({ name: z.string(), sha256: z.string() })),
  tables: z.array(table),
  partitions: z.array(partition),
  sequences: z.array(sequence),
  jobs: z.object({ ...file.shape, rows: z.number() }).nullable(),
  /** `bytes` is that of the list; `totalBytes` that of the objects */
  objects: z.object({ ...file.shape, count: z.number(), totalBytes: z.number() }),
});

/** What `manifest.json` of a backup holds. It is written last: a folder without it is no backup. Sizes in bytes, digests in hex. */
export type Manifest = z.infer<typeof manifest>;
export type TableFile = z.infer<typeof table>;
export type Partition = z.infer<typeof partition>;
export type Sequence = z.infer<typeof sequence>;

/** Throws `backup_invalid`. */
export async function readManifest(folder: string): Promise<Manifest> {
  try {
    return manifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  } catch (cause) {
    throw failure('backup_invalid', {
      message: `${folder} holds no complete backup: its manifest.json is missing or cannot be read.`,
      cause,
    });
  }
}
