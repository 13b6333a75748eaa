import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { Objects } from '#ports/objects';
import { createDigest } from '../digest.ts';
import { checkKey, checkPrefix } from '../keys.ts';
import { isMissing, translated } from './errors.ts';

interface S3Options {
  /** `http://127.0.0.1:9000`, or `host:port` whose scheme `secure` decides; empty: AWS itself */
  endpoint: string;
  accessKey: string;
  secretKey: string;
  secure: boolean;
  bucket: string;
  /** default `us-east-1` */
  region?: string;
  now?: () => Date;
}

interface S3Objects extends Objects {
  /** Aborts multipart uploads begun more than a day ago, which killed writers left; answers how many. */
  collectTemporary(): Promise<number>;
}

const partSize = 8 * 1024 * 1024;
/** parts of one put in flight: with the one being filled, about 40 MiB a put */
const partsInFlight = 3;
const day = 24 * 60 * 60 * 1000;
/** of a call that moves no file: a store that is silent for so long counts as away, and whoever waits holds a transaction */
const briefMs = 10_000;
const brief = () => ({ abortSignal: AbortSignal.timeout(briefMs) });

/** Objects in a bucket of any S3 API. The SDK is loaded at the first call, so that installations on files do not pay for it. */
export function createS3Objects(options: S3Options): S3Objects {
  const { bucket: Bucket, now = () => new Date() } = options;
  let connecting: ReturnType<typeof connect> | undefined;
  const sdk = () => (connecting ??= connect(options));

  async function asked<T>(key: string, call: (s3: Awaited<ReturnType<typeof connect>>) => Promise<T>): Promise<T> {
    try {
      return await call(await sdk());
    } catch (error) {
      throw translated(error, key, Bucket);
    }
  }

  const objects: S3Objects = {
    kind: 's3',

    async put(key, body, limits) {
      const digest = createDigest(body, limits);
      try {
        checkKey(key);
        const { client, Upload } = await sdk();
        const upload = new Upload({
          client,
          params: { Bucket, Key: key, Body: digest.stream },
          partSize,
          queueSize: partsInFlight,
        });
        const reading = pipeline(body, digest.stream, { signal: limits?.signal });
        // the upload fails as well then; it is the one to wait for, since it tidies up
        reading.catch(() => undefined);
        await upload.done();
        await reading;
      } catch (error) {
        const cause = digest.bodyFailed() ? error : translated(error, key, Bucket);
        digest.stream.destroy();
        body.destroy();
        throw cause;
      }
      return { key, size: digest.size(), sha256: digest.sha256() };
    },

    async get(key, range) {
      checkKey(key);
      const end = range?.end ?? Infinity;
      const start = range?.start ?? 0;
      // S3 would ignore an empty range and answer everything
      if (end < start) return empty(objects, key);
      const Range = range && `bytes=${start}-${end === Infinity ? '' : end}`;
      return asked(key, async ({ client, GetObjectCommand }) => {
        const reply = await client.send(new GetObjectCommand({ Bucket, Key: key, Range })).catch(nothingThere);
        return reply ? (reply.Body as Readable) : Readable.from([]);
      });
    },

    async stat(key) {
      checkKey(key);
      return asked(key, async ({ client, HeadObjectCommand }) => {
        try {
          const head = await client.send(new HeadObjectCommand({ Bucket, Key: key }), brief());
          return { key, size: head.ContentLength ?? 0, modifiedAt: head.LastModified ?? new Date(0) };
        } catch (error) {
          if (isMissing(error)) return null;
          throw error;
        }
      });
    },

    async *list(prefix) {
      checkPrefix(prefix);
      let ContinuationToken: string | undefined;
      do {
        const page = await asked(prefix, ({ client, ListObjectsV2Command }) =>
          client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken }), brief()),
        );
        for (const { Key, Size, LastModified } of page.Contents ?? []) {
          // some stores list folders as objects; a leading dot is what `check` wrote
          if (Key && !Key.endsWith('/') && !Key.startsWith('.'))
            yield { key: Key, size: Size ?? 0, modifiedAt: LastModified ?? new Date(0) };
        }
        ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (ContinuationToken);
    },

    async delete(key) {
      checkKey(key);
      await asked(key, async ({ client, DeleteObjectCommand }) => {
        await client.send(new DeleteObjectCommand({ Bucket, Key: key }), brief()).catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
      });
    },

    uri(key) {
      return `s3://${Bucket}/${checkPrefix(key)}`;
    },

    async check() {
      // no key begins with a dot, so this is never anybody's object
      const Key = `.check/${randomUUID()}`;
      await asked(Key, async ({ client, PutObjectCommand, DeleteObjectCommand }) => {
        await client.send(new PutObjectCommand({ Bucket, Key, Body: 'check' }), brief());
        await client.send(new DeleteObjectCommand({ Bucket, Key }), brief());
      });
    },

    async collectTemporary() {
      return asked('', async ({ client, ListMultipartUploadsCommand, AbortMultipartUploadCommand }) => {
        const page = await client.send(new ListMultipartUploadsCommand({ Bucket }));
        const old = (page.Uploads ?? []).filter(
          ({ Initiated }) => Initiated && Initiated.getTime() < now().getTime() - day,
        );
        for (const { Key, UploadId } of old) {
          await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
        }
        return old.length;
      });
    },
  };
  return objects;
}

/** A range that begins behind the end is empty, as in a file. */
function nothingThere(error: { name?: string }): GetObjectCommandOutput | null {
  if (error.name === 'InvalidRange') return null;
  throw error;
}

async function empty(objects: Objects, key: string): Promise<Readable> {
  const all = await objects.get(key, { start: 0, end: 0 });
  all.destroy();
  return Readable.from([]);
}

async function connect(options: S3Options) {
  const [s3, { Upload }] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')]);
  const { endpoint, accessKey, secretKey, secure, region = 'us-east-1' } = options;
  const client: S3Client = new s3.S3Client({
    region,
    ...(endpoint && {
      endpoint: endpoint.includes('://') ? endpoint : `${secure ? 'https' : 'http'}://${endpoint}`,
      forcePathStyle: true,
    }),
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    // the newer default checksums are not understood by many stores
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // silence of two minutes ends a request; shorter would cut readers that pause
    requestHandler: { connectionTimeout: 3000, socketTimeout: 120_000 },
  });
  return { ...s3, client, Upload };
}
