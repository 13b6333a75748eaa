import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, healthyEndpoint, people, type Json } from './harness.ts';

/** What came to the provider. */
export interface Seen {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  asked: Json;
  closed: boolean;
  /** bytes of the answer that the gateway took */
  taken: number;
}

/** How the provider answers for one of its models; by default at once, well, in two pieces. */
export interface Behaviour {
  /** answered instead, with an error body */
  status?: number;
  headers?: Record<string, string>;
  /** ms before the answer's head */
  delayMs?: number;
  /** ms before the first piece of a stream, after its head */
  firstMs?: number;
  /** ms between pieces */
  gapMs?: number;
  pieces?: string[];
  /** never ends */
  endless?: boolean;
  /** no usage, whatever was asked */
  noUsage?: boolean;
  /** without the last line of a stream */
  noDone?: boolean;
  /** what is sent instead of an answer: raw bytes on the connection, which is closed then */
  raw?: string;
  /** the connection is reset after so many pieces */
  resetAfter?: number;
  /** an event that tells of an error, after so many pieces, and the last line */
  failsAfter?: { pieces: number; event: object };
}

export type Provider = Awaited<ReturnType<typeof startProvider>>;

/** A provider with OpenAI's published wire format, whose models behave as they are told. */
export async function startProvider() {
  const seen: Seen[] = [];
  const behaviours = new Map<string, Behaviour>();
  const server = createServer({ noDelay: true }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const asked = body === '' ? {} : (JSON.parse(body) as Json);
    const entry: Seen = { path: request.url ?? '', headers: request.headers, body, asked, closed: false, taken: 0 };
    seen.push(entry);
    response.once('close', () => (entry.closed = true));
    if (request.method === 'GET') return json(response, 200, { object: 'list', data: [{ id: 'm', object: 'model' }] });
    const how = behaviours.get(asked.model) ?? {};
    if (how.delayMs !== undefined) await sleep(how.delayMs);
    if (how.raw !== undefined) return void response.socket?.end(how.raw);
    if (how.status !== undefined) {
      return json(
        response,
        how.status,
        { error: { message: `as told: ${how.status}`, type: 'server_error' } },
        how.headers,
      );
    }
    const pieces = how.pieces ?? ['Hel', 'lo.'];
    const usage = { prompt_tokens: 5, completion_tokens: pieces.length, total_tokens: 5 + pieces.length };
    const told = how.noUsage === true ? {} : { usage };
    if (entry.path.endsWith('/embeddings')) {
      const inputs = Array.isArray(asked.input) ? asked.input : [asked.input];
      const data = inputs.map((_: unknown, index: number) => ({ object: 'embedding', index, embedding: [0.5, -0.25] }));
      return json(response, 200, {
        object: 'list',
        model: asked.model,
        data,
        usage: { prompt_tokens: 5, total_tokens: 5 },
      });
    }
    if (asked.stream !== true) {
      const choice = entry.path.endsWith('/chat/completions')
        ? { message: { role: 'assistant', content: pieces.join('') } }
        : { text: pieces.join('') };
      const choices = [{ index: 0, ...choice, finish_reason: 'stop' }];
      return json(
        response,
        200,
        { id: 'x', object: 'chat.completion', model: asked.model, choices, ...told },
        how.headers,
      );
    }
    await stream(response, entry, how, pieces, asked, told);
  }

  async function stream(
    response: ServerResponse,
    entry: Seen,
    how: Behaviour,
    pieces: string[],
    asked: Json,
    told: object,
  ): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...how.headers });
    response.flushHeaders();
    if (how.firstMs !== undefined) await sleep(how.firstMs);
    const chunk = async (value: unknown): Promise<void> => {
      const text = `data: ${JSON.stringify({ id: 'x', model: asked.model, ...(value as object) })}\n\n`;
      if (!response.write(text)) await free(response);
      entry.taken += text.length;
    };
    const delta = (content: string, role?: string): Promise<void> =>
      chunk({
        choices: [{ index: 0, delta: { ...(role === undefined ? {} : { role }), content }, finish_reason: null }],
      });
    let sent = 0;
    const fails = async (): Promise<boolean> => {
      if (how.failsAfter?.pieces !== sent) return false;
      response.end(`data: ${JSON.stringify(how.failsAfter.event)}\n\ndata: [DONE]\n\n`);
      return true;
    };
    for (const piece of pieces) {
      if (await fails()) return;
      await delta(piece, sent === 0 ? 'assistant' : undefined);
      sent += 1;
      if (how.resetAfter === sent) {
        await sleep(20);
        return void response.socket?.resetAndDestroy();
      }
      if (how.gapMs !== undefined) await sleep(how.gapMs);
    }
    while (how.endless === true && !response.destroyed) {
      await delta('.');
      await sleep(how.gapMs ?? 20);
    }
    await chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    if (asked.stream_options?.include_usage === true && how.noUsage !== true) await chunk({ choices: [], ...told });
    response.end(how.noDone === true ? '' : 'data: [DONE]\n\n');
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    seen,
    /** requests for a model of its, in order */
    of: (model: string): Seen[] => seen.filter((one) => one.asked.model === model),
    behave: (model: string, how: Behaviour): void => void behaviours.set(model, how),
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Until it takes more, or is gone. */
function free(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

const json = (response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));

/** An approved model of a provider. */
export async function externalModel(api: string, name: string, metadata: Record<string, unknown>): Promise<Json> {
  const model = await ask(api, people.researcher, 'POST', '/catalog/models', {
    name,
    version: '1',
    type: 'external',
    owner_team: 'platform',
    metadata: { description: 'A provider.', provider: 'openai', model_name: name, api_key: 'sk-journey', ...metadata },
  });
  await ask(api, people.researcher, 'PATCH', `/catalog/models/${model.id}/status`, { status: 'pending_review' });
  return ask(api, people.reviewer, 'POST', `/catalog/models/${model.id}/versions/1/approve`, { decision: 'approve' });
}

/** A provider's model with an endpoint and a route of its name. */
export async function externalEndpoint(api: string, provider: Provider, name: string): Promise<Json> {
  const model = await externalModel(api, name, { base_url: `${provider.url}/v1` });
  return healthyEndpoint(api, model.id, `/${name}`);
}
