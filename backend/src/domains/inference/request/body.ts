import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { failure, type Failure } from '#platform/errors';
import type { RequestHead } from '#platform/http';

/** A body as it came and what it says. */
export interface Body {
  bytes: Buffer;
  /** UTF-16 units of the same text: with the bytes, they tell how much of it is no plain ASCII */
  characters: number;
  value: Readonly<Record<string, unknown>>;
}

/** Reads a JSON body; fails with `payload_too_large`, `media_type_unsupported` or `body_malformed`. */
export function readBody(request: IncomingMessage, limit: number): Promise<Body> {
  const refused = refusalOf(request);
  if (refused !== null) return Promise.reject(refused);
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(failure('payload_too_large'));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.removeAllListeners('data');
        request.pause();
        reject(failure('payload_too_large'));
      } else chunks.push(chunk);
    });
    request.once('end', () => {
      try {
        resolve(parseBody(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
      } catch (error) {
        reject(error as Error);
      }
    });
    const broken = (): void => {
      // it is told of every request, also of those that were read to their end
      if (!request.complete) reject(failure('body_malformed', { message: 'The connection ended within the body.' }));
    };
    request.once('error', broken);
    request.once('close', broken);
  });
}

function refusalOf({ headers }: Pick<RequestHead, 'headers'>): Failure | null {
  const type = headers['content-type'];
  if (type !== undefined && type !== 'application/json' && !/^application\/json\s*(;|$)/i.test(type)) {
    return failure('media_type_unsupported');
  }
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity') {
    return failure('media_type_unsupported', { message: `The content encoding ${coding} is not read; send it plain.` });
  }
  return null;
}

/** The body of a request that came whole: throws as `readBody` fails. */
export function bodyOf(request: Pick<RequestHead, 'headers'>, bytes: Buffer): Body {
  const refused = refusalOf(request);
  if (refused !== null) throw refused;
  return parseBody(bytes);
}

/** Throws `body_malformed`. */
export function parseBody(bytes: Buffer): Body {
  let value: unknown;
  const text = bytes.toString('utf8');
  try {
    if (text.length !== bytes.length && !isUtf8(bytes)) throw new SyntaxError('not UTF-8');
    value = JSON.parse(text);
  } catch (cause) {
    throw failure('body_malformed', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw failure('body_malformed', { message: 'The body must be a JSON object.' });
  return { bytes, characters: text.length, value: value as Record<string, unknown> };
}
