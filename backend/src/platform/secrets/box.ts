import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { failure } from '#platform/errors';
import type { SecretsKey } from './key.ts';

const tagBytes = 16;
const nonceBytes = 12;

export interface Sealed {
  nonce: Buffer;
  /** with its tag at the end */
  ciphertext: Buffer;
}

/** AES-256-GCM; `about` is bound to it: a ciphertext copied to another owner or name does not open. */
export function encrypt({ id, key }: SecretsKey, about: string, text: string): Sealed {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(`${id}\u0000${about}`));
  return { nonce, ciphertext: Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]) };
}

/** Throws `secret_unreadable`. */
export function decrypt({ id, key }: SecretsKey, about: string, { nonce, ciphertext }: Sealed): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(`${id}\u0000${about}`)).setAuthTag(ciphertext.subarray(-tagBytes));
    return Buffer.concat([decipher.update(ciphertext.subarray(0, -tagBytes)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw failure('secret_unreadable', { cause });
  }
}

/** One buffer: key id (8 bytes), nonce, ciphertext. */
export function pack(key: SecretsKey, text: string): Buffer {
  const { nonce, ciphertext } = encrypt(key, 'sealed', text);
  return Buffer.concat([Buffer.from(key.id, 'hex'), nonce, ciphertext]);
}

/** Throws `secrets_key_wrong` for another key's, `secret_unreadable` for a changed one. */
export function unpack(key: SecretsKey, buffer: Buffer): string {
  if (buffer.subarray(0, 8).toString('hex') !== key.id) throw failure('secrets_key_wrong');
  return decrypt(key, 'sealed', {
    nonce: buffer.subarray(8, 8 + nonceBytes),
    ciphertext: buffer.subarray(8 + nonceBytes),
  });
}
