import type { ServerResponse } from 'node:http';

/** What Node's own `writeHead` sets: what is written by hand must be known to the response, which then goes on as usual. */
interface Internals {
  _header: string | null;
  _keepAliveTimeout: number;
}

/**
 * Status 200 and headers, to leave with the first bytes. `lines` are header lines with their CRLF, names and values of which are known to
 * be good: Node checks each of them again, which takes as long as all else that it does for an answer. `length`: of the body in bytes;
 * null: it comes in chunks. Where the connection is the answer's alone (HTTP/1.0, `connection: close`) Node writes them.
 */
export function writeHead(response: ServerResponse, lines: string, length: number | null): void {
  if (!response.shouldKeepAlive || response.req.httpVersionMinor !== 1 || response.headersSent) {
    const pairs = lines.split('\r\n').flatMap((line) => (line === '' ? [] : splitLine(line)));
    response.writeHead(200, length === null ? pairs : [...pairs, 'content-length', String(length)]);
    return;
  }
  const internals = response as unknown as Internals;
  const framing = length === null ? 'transfer-encoding: chunked' : `content-length: ${length}`;
  response.chunkedEncoding = length === null;
  const seconds = Math.floor(internals._keepAliveTimeout / 1000);
  internals._header = `HTTP/1.1 200 OK\r\n${lines}${framing}\r\ndate: ${dateNow()}\r\nconnection: keep-alive\r\nkeep-alive: timeout=${seconds}\r\n\r\n`;
}

function splitLine(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

let second = 0;
let date = '';

function dateNow(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    date = new Date(now * 1000).toUTCString();
  }
  return date;
}
