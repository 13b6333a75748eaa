import { createHmac } from 'node:crypto';
import { maskOf, type PiiScanner } from '../../pii/index.ts';

/** The same for the same content of the same kind in every version; without the key nobody can try contents against it. */
export function contentFingerprint(key: string, what: string, parts: readonly (string | null)[]): string {
  const hmac = createHmac('sha256', Buffer.from(key, 'hex')).update(`content\0${what}`);
  for (const part of parts) hmac.update(part === null ? '\u0001' : `\0${part}`);
  return hmac.digest('hex').slice(0, 32);
}

const SHOWN = 80;
/** Looked at on both sides, so that nothing personal is cut into something that nobody recognises. */
const AROUND = 300;

/** A little of a text from `from` on for people, with what is personal masked. */
export function excerptOf(scanner: PiiScanner, text: string, from = 0): string {
  const start = Math.max(0, from - AROUND);
  const window = text.slice(start, from + SHOWN + AROUND);
  const end = Math.min(window.length, from - start + SHOWN);
  let at = from - start;
  let shown = '';
  scanner.scan([window], (_, { type, start: first, end: last }) => {
    if (last <= at || first >= end) return;
    shown += window.slice(at, Math.max(at, first)) + maskOf(type, window.slice(first, last));
    at = last;
  });
  if (at < end) shown += window.slice(at, end);
  const whole = from + SHOWN >= text.length;
  return `${shown.replaceAll(/\s+/g, ' ').trim()}${whole ? '' : ' …'}`;
}

/** A short text with what is personal masked. */
export function maskedText(scanner: PiiScanner, text: string): string {
  let at = 0;
  let shown = '';
  scanner.scan([text], (_, { type, start, end }) => {
    shown += text.slice(at, start) + maskOf(type, text.slice(start, end));
    at = end;
  });
  return shown + text.slice(at);
}
