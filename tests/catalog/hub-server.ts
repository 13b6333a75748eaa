import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const sha1 = (text: Buffer) => createHash('sha1').update(`blob ${text.length}\0`).update(text).digest('hex');
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

export interface HubServer {
  url: string;
  /** `METHOD path range` of each request */
  requests: string[];
  /** authorization headers that reached the content network */
  leaked: string[];
  /** drops the connection after so many bytes, once for each number */
  drops: number[];
  /** paths whose bytes are not those that the API tells */
  corrupt: Set<string>;
  close(): Promise<void>;
}

const commit = 'c0ffee0123456789c0ffee0123456789c0ffee01';

/**
 * A server with the URL layout of huggingface.co: the API, `resolve`, and large files redirected to another host. Repositories of datasets
 * are named `datasets/owner/name`.
 */
export async function openHub(repositories: Record<string, Record<string, Buffer>>): Promise<HubServer> {
  const state = { requests: [] as string[], leaked: [] as string[], drops: [] as number[], corrupt: new Set<string>() };

  const content = createServer((request, response) => {
    state.requests.push(`${request.method} cdn${request.url} ${request.headers.range ?? ''}`.trim());
    if (request.headers.authorization) state.leaked.push(request.headers.authorization);
    const [, id, path] = /^\/([^?]+?)\/blob\/([^?]+)/.exec(decodeURIComponent(request.url!))!;
    send(request, response, id!, path!);
  });
  await listen(content);
  const cdn = `http://localhost:${(content.address() as AddressInfo).port}`;

  function send(request: IncomingMessage, response: ServerResponse, id: string, path: string): void {
    const whole = Buffer.from(repositories[id]![path]!);
    if (state.corrupt.has(path)) whole[whole.length - 1]! ^= 1;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const bytes = whole.subarray(start);
    const range = start > 0 ? { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': bytes.length,
      etag: `"${sha256(whole)}"`,
      'accept-ranges': 'bytes',
      ...range,
    });
    const drop = bytes.length > 1000 ? state.drops.shift() : undefined;
    if (drop === undefined) return void response.end(bytes);
    response.write(bytes.subarray(0, drop), () => setTimeout(() => response.destroy(), 20));
  }

  const api = createServer((request, response) => {
    const url = new URL(request.url!, 'http://hub');
    state.requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
    const asked = /^\/api\/(models|datasets)\/(.+)\/revision\/([^/]+)$/
      .exec(decodeURIComponent(url.pathname))
      ?.slice(1);
    if (asked) {
      const files = repositories[asked[0] === 'models' ? asked[1]! : `datasets/${asked[1]}`];
      if (asked[1] === 'gated/model' && request.headers.authorization !== 'Bearer hf_canary')
        return refuse(response, 401);
      if (!files || (asked[2] !== 'main' && asked[2] !== commit)) return refuse(response, 404);
      const siblings = Object.entries(files).map(([rfilename, bytes]) => ({
        rfilename,
        size: bytes.length,
        blobId: isLarge(rfilename) ? 'f'.repeat(40) : sha1(bytes),
        ...(isLarge(rfilename) ? { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 130 } } : {}),
      }));
      response.setHeader('content-type', 'application/json');
      return void response.end(
        JSON.stringify({
          id: asked[1],
          modelId: asked[1],
          sha: commit,
          gated: false,
          tags: [],
          cardData: { license: 'apache-2.0', language: ['en', 'ko'] },
          siblings,
        }),
      );
    }
    const file = /^\/(.+)\/resolve\/([^/]+)\/(.+)$/.exec(decodeURIComponent(url.pathname));
    if (!file || file[2] !== commit || !repositories[file[1]!]?.[file[3]!]) return refuse(response, 404);
    if (!isLarge(file[3]!)) return send(request, response, file[1]!, file[3]!);
    response.writeHead(302, {
      location: `${cdn}/${file[1]}/blob/${file[3]}?Signature=x`,
      'x-repo-commit': commit,
      'x-linked-etag': '"x"',
    });
    response.end();
  });
  await listen(api);
  return Object.assign(state, {
    url: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
    async close() {
      for (const server of [api, content]) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  });
}

const isLarge = (path: string) => /\.(safetensors|bin|gguf|h5|parquet)$/.test(path);

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"Repository not found"}');
}

async function listen(server: ReturnType<typeof createServer>): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
