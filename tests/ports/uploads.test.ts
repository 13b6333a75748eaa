import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { Upload } from 'tus-js-client';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createS3Objects } from '../../backend/src/adapters/objects/s3/index.ts';
import { openDatabase, type Db } from '../../backend/src/platform/db/index.ts';
import { createUploads, type Uploads } from '../../backend/src/platform/uploads/index.ts';
import type { Objects } from '../../backend/src/ports/objects.ts';
import { provisionS3, type S3Server } from '../../scripts/provision/s3.ts';

const log = pino({ level: 'silent' });
const MiB = 1024 * 1024;

describe('uploads with the tus client', () => {
  let folder: string;
  let db: Db;
  let s3: S3Server;
  const servers: { server: Server; uploads: Uploads }[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llm-ops-tus-'));
    await chmod(folder, 0o755);
    db = await openDatabase({ dataDir: join(folder, 'data'), log });
    await db.pool.query(await readFile(join(import.meta.dirname, '../../backend/migrations/0002_uploads.sql'), 'utf8'));
    s3 = await provisionS3();
    await s3.createBucket('models-test');
  });
  after(async () => {
    for (const { server, uploads } of servers) {
      server.closeAllConnections();
      server.close();
      await uploads.close();
    }
    await s3.stop();
    await db.close();
    await rm(folder, { recursive: true });
  });

  async function serve(objects: Objects): Promise<{ endpoint: string; uploads: Uploads; server: Server }> {
    const uploads = createUploads({
      db,
      objects,
      log,
      now: () => new Date(),
      authorize: async () => ({ userId: 'ada' }),
      onComplete: async () => undefined,
      maxBytes: 100 * MiB,
      partBytes: 4 * MiB,
    });
    const server = createServer(uploads.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push({ server, uploads });
    const { port } = server.address() as AddressInfo;
    return { endpoint: `http://127.0.0.1:${port}/llm-ops/v1/uploads`, uploads, server };
  }

  const adapters: Record<string, () => Promise<Objects>> = {
    files: () => createFileObjects({ root: join(folder, 'objects') }),
    s3: async () => createS3Objects({ ...s3, secure: false, bucket: 'models-test' }),
  };
  for (const [name, open] of Object.entries(adapters)) {
    it(`FR-001a-upload: ${name}: a dropped connection is taken up again by itself, and the SHA-256 is right`, async () => {
      const objects = await open();
      const { endpoint, uploads, server } = await serve(objects);
      const content = randomBytes(20 * MiB + 123);
      let dropped = 0;
      const url = await new Promise<string>((resolve, reject) => {
        const upload = new Upload(content, {
          endpoint,
          metadata: { subject_kind: 'model', subject_id: randomUUID(), path: 'weights/model.safetensors' },
          retryDelays: [50, 100, 200, 400, 800],
          onProgress(sent) {
            // twice at most, somewhere in the middle
            if (sent > (dropped + 1) * 6 * MiB && dropped < 2) {
              dropped++;
              server.closeAllConnections();
            }
          },
          onError: reject,
          onSuccess: () => resolve(upload.url!),
        });
        upload.start();
      });
      // the client tells of progress as it likes: the rest may go without a word
      assert.ok(dropped >= 1);
      const id = url.slice(-36);
      const done = await uploads.assemble(id, `models/${name}/model.safetensors`);
      assert.equal(done.sha256, createHash('sha256').update(content).digest('hex'));
      const parts = [];
      for await (const part of objects.list(`uploads/${id}/`)) parts.push(part);
      assert.deepEqual(parts, []);
    });
  }
});
