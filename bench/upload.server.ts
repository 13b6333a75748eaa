/** One upload server in a process of its own, for `upload.ts`: argv is the variant, a folder, and where `@fastify/multipart` is installed. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { createFileObjects } from '../backend/src/adapters/objects/files/index.ts';
import { receiveFiles } from '../backend/src/platform/uploads/index.ts';

const [variant, folder, scratch] = process.argv.slice(2) as [string, string, string];

/** Writes and hashes in one pass, as its documentation suggests. */
async function save(file: Readable, name: string): Promise<string> {
  const hash = createHash('sha256');
  file.on('data', (chunk) => hash.update(chunk));
  await pipeline(file, createWriteStream(join(folder, name)));
  return hash.digest('hex');
}

async function listenBaseline(): Promise<number> {
  const require = createRequire(join(scratch, 'package.json'));
  const load = async (name: string) => (await import(pathToFileURL(require.resolve(name)).href)).default;
  const app = (await load('fastify'))({ bodyLimit: 2 ** 40 });
  await app.register(await load('@fastify/multipart'), { limits: { fileSize: 2 ** 40 } });
  app.post('/', async (request: { file(): Promise<{ file: Readable; filename: string }> }) => {
    const part = await request.file();
    return save(part.file, part.filename);
  });
  return Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
}

async function listenOurs(): Promise<number> {
  const objects = await createFileObjects({ root: folder });
  const server = createServer(async (request: IncomingMessage, response) => {
    let digest = '';
    const onFile = async (name: string, stream: Readable) => {
      ({ sha256: digest } = await objects.put(name, stream));
    };
    await receiveFiles(request, { onFile, maxFileBytes: 2 ** 40 });
    response.end(digest);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const port = variant === 'ours' ? await listenOurs() : await listenBaseline();
const before = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuSeconds: (user + system) / 1e6, peakMiB: process.resourceUsage().maxRSS / 1024 });
});
process.send?.({ port });
