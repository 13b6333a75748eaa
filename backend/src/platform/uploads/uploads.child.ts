/** An upload server, or a job that assembles, in a process of its own; `uploads.test.ts` kills it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { createFileObjects } from '../../adapters/objects/files/index.ts';
import { openDatabase } from '../db/index.ts';
import { createUploads } from './index.ts';

const { url, root, partBytes, assemble } = JSON.parse(process.argv[2]!) as {
  url: string;
  root: string;
  partBytes: number;
  assemble?: { id: string; key: string };
};
const log = pino({ level: 'silent' });
const uploads = createUploads({
  db: await openDatabase({ url, dataDir: root, log }),
  objects: await createFileObjects({ root }),
  log,
  now: () => new Date(),
  authorize: async () => ({ userId: 'ada' }),
  onComplete: async () => {},
  maxBytes: 1024 ** 3,
  partBytes,
});
if (assemble) {
  process.send?.('ready');
  await uploads.assemble(assemble.id, assemble.key);
  process.exit();
}
const server = createServer(uploads.handle);
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
