import { createHmac } from 'node:crypto';

/** One way to write a value, so that the same number with other spaces or the same address in capitals is the same. */
export function normalised(type: string, value: string): string {
  const plain = value.normalize('NFKC').trim();
  switch (type) {
    case 'email':
    case 'ip_address':
      return plain.toLowerCase();
    case 'phone':
      return national(plain);
    case 'kr_rrn': // stored as a number it has no zeros before it
      return plain.replaceAll(/\D/g, '').padStart(13, '0');
    case 'credit_card':
    case 'kr_foreigner':
    case 'kr_brn':
    case 'kr_corp':
    case 'us_ssn':
      return plain.replaceAll(/\D/g, '');
    case 'iban':
      return plain.replaceAll(/\s/g, '');
    case 'address':
    case 'passport':
      return plain.replaceAll(/\s+/g, ' ');
    default:
      return plain;
  }
}

/** `+82 10-…`, `82 10 …` and `010-…`, `+1 415 …` and `(415) …` are the same number. */
function national(phone: string): string {
  const digits = phone.replaceAll(/\D/g, '');
  const rest = phone.startsWith('+')
    ? digits.replace(/^(?:82|1(?=\d{10}$))/, '')
    : digits.replace(/^(?:1(?=[2-9]\d{9}$)|82(?=10[1-9]\d{7}$))/, '');
  return rest.replace(/^0/, '');
}

/**
 * The same for the same value in every version, and nothing that one could try values against without the key.
 * @param key hex
 * @returns 32 hexadecimal digits
 */
export const fingerprintOf = (key: string, type: string, value: string): string =>
  createHmac('sha256', Buffer.from(key, 'hex'))
    .update(`finding\0${type}\0${normalised(type, value)}`)
    .digest('hex')
    .slice(0, 32);

/** 64 bytes to make a replacement of; not those of the fingerprint, which reports show. */
export const replacementSeed = (key: string, type: string, value: string): Buffer =>
  createHmac('sha512', Buffer.from(key, 'hex'))
    .update(`replacement\0${type}\0${normalised(type, value)}`)
    .digest();
