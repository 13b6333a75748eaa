/** The same job as plain.ts in Fastify: its schema validation, `undici.request`, streams. */
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { Pool } from 'undici';
import {
  account,
  keys,
  port,
  prepare,
  ready,
  upstream,
  upstreamKey,
  usageIn,
  type ChatBody,
  type KeyUse,
} from './job.ts';

const pool = new Pool(upstream.origin, { connections: 256, pipelining: 1, keepAliveTimeout: 60_000 });
const headers = { authorization: upstreamKey, 'content-type': 'application/json' };
const message = { type: 'object', required: ['role'], properties: { role: { type: 'string' } } };
const schema = {
  body: {
    type: 'object',
    required: ['model', 'messages'],
    properties: {
      model: { type: 'string', minLength: 1 },
      messages: { type: 'array', minItems: 1, items: message },
      temperature: { type: 'number', minimum: 0, maximum: 2 },
      max_tokens: { type: 'integer' },
      stream: { type: 'boolean' },
    },
  },
};

const app = Fastify({ logger: false, keepAliveTimeout: 60_000 });
app.decorateRequest('use', null as unknown as KeyUse);
declare module 'fastify' {
  interface FastifyRequest {
    use: KeyUse;
  }
}
app.addHook('onRequest', async (request, reply) => {
  const use = keys.get(request.headers.authorization);
  if (use === undefined) return reply.code(401).send({ error: { message: 'The key is wrong.' } });
  request.use = use;
  return undefined;
});
app.post<{ Body: ChatBody }>('/v1/chat/completions', { schema }, async (request, reply) => {
  const answer = await pool.request({
    path: '/v1/chat/completions',
    method: 'POST',
    headers,
    body: prepare(request.body),
  });
  if (request.body.stream === true) {
    let usage: { total_tokens?: number } | undefined;
    answer.body.on('data', (piece: Buffer) => (usage = usageIn(piece) ?? usage));
    answer.body.on('end', () => account(request.use, usage));
    return reply.header('content-type', answer.headers['content-type']).send(answer.body);
  }
  const text = await answer.body.text();
  account(request.use, (JSON.parse(text) as { usage?: { total_tokens?: number } }).usage);
  return reply.code(answer.statusCode).header('content-type', 'application/json').send(text);
});
await app.listen({ port, host: '127.0.0.1' });
ready((app.server.address() as AddressInfo).port);
