import { failure, isFailure } from '#platform/errors';

interface S3Error {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

const refusedNames = new Set([
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'Forbidden',
]);

export function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as S3Error;
  // HEAD has no body, so no bucket or key is named
  return name === 'NoSuchKey' || name === 'NotFound' || (name !== 'NoSuchBucket' && $metadata?.httpStatusCode === 404);
}

/** What the SDK threw as the product's failure. Everything an answer of ours cannot explain means that the store does not work for us. */
export function translated(error: unknown, key: string, bucket: string): unknown {
  if (isFailure(error)) return error;
  const { name, $metadata } = error as S3Error;
  if (isMissing(error)) return failure('object_not_found', { message: `There is no object ${key}.` });
  if (name === 'NoSuchBucket') {
    return failure('object_store_unavailable', {
      message: `The bucket "${bucket}" does not exist.`,
      remedy: 'Create it, or set OBJECT_STORE_BUCKET to one that exists.',
      cause: error,
    });
  }
  if ((name && refusedNames.has(name)) || $metadata?.httpStatusCode === 403) {
    return failure('object_store_unavailable', {
      message: 'The object store refuses our credentials.',
      remedy: 'Check OBJECT_STORE_ACCESS_KEY and OBJECT_STORE_SECRET_KEY and their rights on the bucket.',
      cause: error,
    });
  }
  if ($metadata?.httpStatusCode === 507) return failure('object_store_full', { cause: error });
  if (name === 'ObjectParentIsFile' || name === 'ExistingObjectIsDirectory') {
    return failure('object_key_invalid', { message: `${key} is a folder, or lies below an object.`, cause: error });
  }
  return failure('object_store_unavailable', { cause: error });
}
