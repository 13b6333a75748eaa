import { failure } from '#platform/errors';

const segment = /^[A-Za-z0-9._-]{1,128}$/;
/** S3's own limit; a folder's is larger */
const maxKeyLength = 1024;

/**
 * The key itself when it is one, else throws `object_key_invalid`. Keys are never decoded, trimmed or normalised: what is not
 * exactly right is refused. A first segment with a leading dot is refused too, because the stores keep their own things there.
 */
export function checkKey(key: string): string {
  if (typeof key !== 'string' || key.length > maxKeyLength) throw invalid(key);
  const segments = key.split('/');
  if (segments[0]!.startsWith('.') || !segments.every(isSegment)) throw invalid(key);
  return key;
}

/** As `checkKey` for the beginning of keys: it may be empty, end with `/`, or end within a segment. */
export function checkPrefix(prefix: string): string {
  if (prefix === '') return prefix;
  checkKey(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);
  return prefix;
}

function isSegment(text: string): boolean {
  return segment.test(text) && text !== '.' && text !== '..';
}

function invalid(key: unknown) {
  const shown = JSON.stringify(String(key).slice(0, 200));
  return failure('object_key_invalid', { message: `${shown} is not an object key.` });
}
