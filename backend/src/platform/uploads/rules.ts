import { failure, type Issue } from '#platform/errors';

export const tusVersion = '1.0.0';
/** tus asks for sha1; the others are free */
export const checksumAlgorithms = ['sha1', 'sha256', 'md5'] as const;
/** default place of the endpoint */
export const uploadsPath = '/llm-ops/v1/uploads';

const segment = /^[A-Za-z0-9._-]{1,128}$/;
const maxDepth = 3;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const offsetDigits = String(Number.MAX_SAFE_INTEGER).length;

export type Checksum = { algorithm: (typeof checksumAlgorithms)[number]; digest: Buffer };

/** The path of a file below its owner's folder, as a client names it, when it is one; else throws `object_key_invalid`. Never decoded or changed. */
export function checkPath(path: string): string {
  const segments = path.split('/');
  const good =
    segments.length <= maxDepth && segments.every((name) => segment.test(name) && name !== '.' && name !== '..');
  if (good) return path;
  throw failure('object_key_invalid', { message: `${JSON.stringify(path.slice(0, 200))} is not a file name or path.` });
}

/** The folder of an upload's parts. */
export function partsPrefix(id: string): string {
  return `uploads/${id}/`;
}

/** Offsets are padded, so that the order of keys is that of the bytes. */
export function partKey(id: string, offset: number): string {
  return `${partsPrefix(id)}${String(offset).padStart(offsetDigits, '0')}`;
}

/**
 * The parts that make up the first `size` bytes, in order; null when they do not. Parts behind them are leftovers of a server that
 * was killed before it could count them.
 */
export function chainOf<P extends { key: string; size: number }>(id: string, parts: P[], size: number): P[] | null {
  const byKey = new Map(parts.map((part) => [part.key, part]));
  const chain: P[] = [];
  for (let offset = 0; offset < size;) {
    const part = byKey.get(partKey(id, offset));
    if (!part || part.size === 0) return null;
    chain.push(part);
    offset += part.size;
    if (offset > size) return null;
  }
  return chain;
}

/** The id in `{base}/{id}`, null for `{base}` itself, undefined for anything else. */
export function idOfPath(url: string, base: string): string | null | undefined {
  const path = url.split('?', 1)[0]!;
  if (path === base || path === `${base}/`) return null;
  const id = path.startsWith(`${base}/`) ? path.slice(base.length + 1) : '';
  return uuid.test(id) ? id : undefined;
}

/** A header of digits as a number; undefined when it is anything else. */
export function numberOf(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string' || !/^\d{1,16}$/.test(header)) return undefined;
  const value = Number(header);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * `Upload-Metadata`: `key base64, key base64`, a value may be missing. Keys that nobody here reads are kept: clients of tus add their own
 * (`filename`, `filetype`). Throws `validation_failed`.
 */
export function parseMetadata(header: string | undefined): Record<string, string> {
  const entries: [string, string][] = [];
  for (const pair of header?.trim() ? header.split(',') : []) {
    const [key, value = '', ...rest] = pair.trim().split(' ');
    const bytes = Buffer.from(value, 'base64');
    const text = bytes.toString('utf8');
    const exact =
      bytes.toString('base64').replace(/=+$/, '') === value.replace(/=+$/, '') && Buffer.from(text).equals(bytes);
    if (!key || rest.length > 0 || !exact || text.includes('\0') || entries.some(([other]) => other === key)) {
      throw invalid([
        { path: 'Upload-Metadata', message: 'must be pairs "key base64" separated by commas, each key once' },
      ]);
    }
    entries.push([key, text]);
  }
  return Object.fromEntries(entries);
}

export function formatMetadata(metadata: Record<string, string>): string {
  return Object.entries(metadata)
    .map(([key, value]) => (value === '' ? key : `${key} ${Buffer.from(value).toString('base64')}`))
    .join(',');
}

/** `Upload-Checksum`: `sha256 base64`. Throws `validation_failed`. */
export function parseChecksum(header: string | string[] | undefined): Checksum | null {
  if (header === undefined) return null;
  const [name, encoded = ''] = String(header).split(' ');
  const algorithm = checksumAlgorithms.find((known) => known === name);
  if (algorithm) return { algorithm, digest: Buffer.from(encoded, 'base64') };
  throw invalid([
    { path: 'Upload-Checksum', message: `must be one of ${checksumAlgorithms.join(', ')} and a base64 digest` },
  ]);
}

export interface Creation {
  subjectKind: string;
  subjectId: string;
  path: string;
  /** bytes */
  size: number;
  metadata: Record<string, string>;
}

/** What a client asks to upload, all wrong fields reported at once. Throws `validation_failed`, `object_too_large`, `object_key_invalid`. */
export function parseCreation(headers: Record<string, string | string[] | undefined>, maxBytes: number): Creation {
  const metadata = parseMetadata(headers['upload-metadata'] as string | undefined);
  const size = numberOf(headers['upload-length']);
  const { subject_kind: subjectKind = '', subject_id: subjectId = '' } = metadata;
  const path = metadata.path ?? metadata.filename ?? '';
  const issues: Issue[] = [];
  if (headers['upload-defer-length'] !== undefined) {
    issues.push({ path: 'Upload-Defer-Length', message: 'is not supported: send Upload-Length' });
  } else if (size === undefined) {
    issues.push({ path: 'Upload-Length', message: 'must be the number of bytes of the file' });
  }
  if (!/^[a-z][a-z_]{0,62}$/.test(subjectKind)) {
    issues.push({ path: 'Upload-Metadata.subject_kind', message: 'must name what the file belongs to, such as model' });
  }
  if (!uuid.test(subjectId))
    issues.push({ path: 'Upload-Metadata.subject_id', message: 'must be a UUID in lower case' });
  if (path === '') issues.push({ path: 'Upload-Metadata.path', message: 'must be the name or path of the file' });
  if (issues.length > 0) throw invalid(issues);
  if (size! > maxBytes) throw tooLarge(maxBytes);
  return { subjectKind, subjectId, path: checkPath(path), size: size!, metadata };
}

export function tooLarge(maxBytes: number) {
  return failure('object_too_large', { message: `The file is larger than ${maxBytes} bytes.` });
}

export function invalid(issues: Issue[]) {
  return failure('validation_failed', { issues });
}
