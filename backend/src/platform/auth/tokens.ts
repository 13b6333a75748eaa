import { hash, randomBytes } from 'node:crypto';

export const keyPrefix = 'lo_';

/** 256 random bits. */
export const newToken = () => randomBytes(32).toString('base64url');

/** What is stored of a token: it is random, so a plain digest is enough. */
export const hashOf = (token: string): Buffer => hash('sha256', token, 'buffer');

/** A key to be shown once; `prefix` tells keys apart afterwards. */
export function newApiKey(): { key: string; prefix: string; hash: Buffer } {
  const key = keyPrefix + newToken();
  return { key, prefix: key.slice(0, keyPrefix.length + 6), hash: hashOf(key) };
}
