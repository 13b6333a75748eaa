/** The head of a request that is plain beyond doubt. */
export interface LaneHead {
  /** path and query, from the first slash */
  url: string;
  /** by name in lower case, each sent once */
  headers: Readonly<Record<string, string>>;
  /** names and values in turn, as they came */
  rawHeaders: readonly string[];
  /** content-length, in bytes */
  length: number;
}

export const maximumHead = 16 * 1024;
const mostHeaders = 100;

const requestLine = /^POST (\/[!-~]*) HTTP\/1\.1$/;
/** a token (RFC 9110, 5.6.2), a colon, and no character that any reader takes for the end of the line */
const headerLine =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*$/;
const wholeNumber = /^(?:0|[1-9]\d{0,8})$/;

/**
 * Reads a head, given without its blank line as Latin-1. Only what every server would read in the same way: a POST of HTTP/1.1 with one
 * content-length and one host, no header twice, and nothing that changes where the body ends or what becomes of the connection.
 * null: it is not that plain, whatever it is.
 */
export function readHead(text: string): LaneHead | null {
  const lines = text.split('\r\n');
  const url = requestLine.exec(lines[0]!)?.[1];
  if (url === undefined || lines.length > mostHeaders + 1) return null;
  const headers = Object.create(null) as Record<string, string>;
  const rawHeaders: string[] = [];
  for (let at = 1; at < lines.length; at += 1) {
    const found = headerLine.exec(lines[at]!);
    if (found === null) return null;
    const name = found[1]!.toLowerCase();
    if (headers[name] !== undefined || notPlain.has(name)) return null;
    headers[name] = found[2]!;
    rawHeaders.push(found[1]!, found[2]!);
  }
  const { host, connection, 'content-length': length } = headers;
  if (host === undefined || length === undefined || !wholeNumber.test(length)) return null;
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return null;
  return { url, headers, rawHeaders, length: Number(length) };
}

const notPlain = new Set([
  'transfer-encoding',
  'te',
  'trailer',
  'expect',
  'upgrade',
  'http2-settings',
  'proxy-connection',
  'keep-alive',
]);
