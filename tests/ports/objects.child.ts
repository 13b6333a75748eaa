/** Puts an endless object and says so once some of it is stored; `objects.test.ts` kills this process then. */
import { Readable } from 'node:stream';
import { createFileObjects } from '../../backend/src/adapters/objects/files/index.ts';
import { createS3Objects } from '../../backend/src/adapters/objects/s3/index.ts';

const [json, key] = process.argv.slice(2) as [string, string];
const { kind, ...options } = JSON.parse(json);
const objects = kind === 's3' ? createS3Objects(options) : await createFileObjects(options);

async function* endless() {
  for (let chunk = 0; ; chunk++) {
    // three parts of a multipart upload are under way by then
    if (chunk === 30) process.send?.('putting');
    yield Buffer.alloc(1024 * 1024);
  }
}
await objects.put(key, Readable.from(endless()));
