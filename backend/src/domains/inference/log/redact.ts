import { patterns, type Pattern } from './patterns.ts';

export interface Redacted {
  text: string;
  /** places that were made unreadable */
  count: number;
}

/**
 * Makes unreadable what tells of a person or opens a door: addresses of mail and network, numbers of telephones, cards, accounts and
 * people, keys and tokens. Pure, in time proportional to the text.
 */
export function redactText(text: string): Redacted {
  let { text: result, count } = withoutPrivateKeys(text);
  for (const pattern of patterns) {
    if (!pattern.may(result)) continue;
    const replaced = replace(result, pattern);
    result = replaced.text;
    count += replaced.count;
  }
  return { text: result, count };
}

/**
 * The same for a body. In JSON the strings alone are changed, decoded first (escapes hide what is in them), so that it stays JSON; what
 * is no JSON, or a piece of it, is changed throughout. Without `redact` only what PostgreSQL cannot keep is.
 */
export function redactBody(body: string, redact: boolean): Redacted {
  const change = redact ? redactText : (text: string): Redacted => ({ text, count: 0 });
  const json = isJson(body);
  let count = 0;
  const apply = (text: string): string => {
    const changed = change(text);
    count += changed.count;
    return changed.text;
  };
  let text = '';
  for (const piece of piecesOf(body)) {
    if (!piece.quoted) text += json ? piece.text : apply(piece.text);
    else text += `"${encoded(piece.text, apply)}${piece.closed ? '"' : ''}`;
  }
  return { text: text.replaceAll('\u0000', '\ufffd').toWellFormed(), count };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Texts between quotes, and what is between them; a backslash keeps a quote from ending its text. */
function* piecesOf(body: string): Generator<{ quoted: boolean; text: string; closed: boolean }> {
  let at = 0;
  let backslash = body.indexOf('\\');
  while (at < body.length) {
    const open = body.indexOf('"', at);
    if (open === -1) return yield { quoted: false, text: body.slice(at), closed: false };
    if (open > at) yield { quoted: false, text: body.slice(at, open), closed: false };
    let look = open + 1;
    let close = body.indexOf('"', look);
    for (;;) {
      if (backslash !== -1 && backslash < look) backslash = body.indexOf('\\', look);
      if (close === -1 || backslash === -1 || backslash > close) break;
      look = backslash + 2;
      if (close < look) close = body.indexOf('"', look);
    }
    if (close === -1) return yield { quoted: true, text: body.slice(open + 1), closed: false };
    yield { quoted: true, text: body.slice(open + 1, close), closed: true };
    at = close + 1;
  }
}

/** The inside of a JSON string, changed; escapes that need not be are written out, so that a search finds the words. */
function encoded(inside: string, apply: (text: string) => string): string {
  if (!inside.includes('\\')) {
    const changed = apply(inside);
    return changed === inside ? inside : JSON.stringify(changed).slice(1, -1);
  }
  const decoded = decode(inside);
  return decoded === null ? apply(inside) : JSON.stringify(apply(decoded)).slice(1, -1);
}

function decode(inside: string): string | null {
  try {
    return JSON.parse(`"${inside}"`) as string;
  } catch {
    // a piece of JSON may end within an escape
    const cut = inside.replace(/\\(?:u[0-9A-Fa-f]{0,3})?$/, '');
    return cut === inside ? null : decode(cut);
  }
}

function replace(text: string, { form, judge }: Pattern): Redacted {
  form.lastIndex = 0;
  let result = '';
  let from = 0;
  let count = 0;
  for (let match = form.exec(text); match !== null; match = form.exec(text)) {
    const [found] = match;
    const verdict = judge(found, text[match.index + found.length] ?? '');
    if (verdict === null) {
      form.lastIndex = match.index + 1;
      continue;
    }
    result += text.slice(from, match.index) + verdict.by;
    from = match.index + verdict.length;
    form.lastIndex = from;
    count += 1;
  }
  return count === 0 ? { text, count } : { text: result + text.slice(from), count };
}

const begin = '-----BEGIN ';
const end = '-----END ';

/** One whose end is missing goes to the end of the text. */
function withoutPrivateKeys(text: string): Redacted {
  let result = '';
  let from = 0;
  let count = 0;
  for (let at = text.indexOf(begin); at !== -1; at = text.indexOf(begin, at)) {
    const title = text.slice(at, at + 80);
    if (!/^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/.test(title)) {
      at += begin.length;
      continue;
    }
    const ending = text.indexOf(end, at);
    const dashes = ending === -1 ? -1 : text.indexOf('-----', ending + end.length);
    result += `${text.slice(from, at)}[private key]`;
    from = dashes === -1 ? text.length : dashes + 5;
    at = from;
    count += 1;
  }
  return count === 0 ? { text, count } : { text: result + text.slice(from), count };
}
