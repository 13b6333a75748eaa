import type { Readable } from 'node:stream';

/** One stored object. `sha256` is hex of the whole content, known only from the call that wrote it. */
export interface StoredObject {
  key: string;
  /** bytes */
  size: number;
  modifiedAt: Date;
}

export interface PutResult {
  key: string;
  /** bytes */
  size: number;
  /** hex, computed while streaming */
  sha256: string;
}

/**
 * Where files live: a folder or an S3 bucket. Keys are `/`-separated segments of `[A-Za-z0-9._-]{1,128}`, no dot segments; any
 * other key throws `object_key_invalid` before anything is touched. A reader never sees a half-written object.
 */
export interface Objects {
  readonly kind: 'files' | 's3';
  /** Streams `body` under `key`; replaces what was there only once complete. `maxBytes` exceeded: throws `object_too_large`, nothing stays. */
  put(key: string, body: Readable, options?: { maxBytes?: number; signal?: AbortSignal }): Promise<PutResult>;
  /** Bytes of the object, or of `range` (both ends inclusive). Throws `object_not_found`. */
  get(key: string, range?: { start: number; end?: number }): Promise<Readable>;
  stat(key: string): Promise<StoredObject | null>;
  /** Every object below the prefix, by key. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** No error when it is not there. */
  delete(key: string): Promise<void>;
  /** The public name of a key or prefix: `s3://models/…`, with a bucket configured `s3://{bucket}/models/…`. */
  uri(key: string): string;
  /** Throws when the store cannot be written or reached. */
  check(): Promise<void>;
  /** Where the object is a file of this machine: its path, to be read only; null when it is not there. Missing where objects are not files. */
  local?(key: string): Promise<string | null>;
}
