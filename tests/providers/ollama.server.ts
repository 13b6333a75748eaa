import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What each request was: its path and body, in order. */
export interface Asked {
  path: string;
  body: any;
}

const at = '2026-01-02T03:04:05.678901234Z';
const counts = { total_duration: 5_191_566_416, load_duration: 2_154_458, prompt_eval_duration: 1, eval_duration: 1 };

/**
 * Ollama's API to its published format: answers `Grüße, 世界 🙂`, calls each tool once when there are any, embeds a text as three numbers
 * made of its length. The model `broken` fails in the middle of a stream, `missing` is not there.
 */
export async function startOllama() {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString() || '{}');
      const path = request.url ?? '';
      asked.push({ path, body });
      if (path === '/api/tags')
        return json(response, 200, { models: [{ name: 'qwen3:latest', model: 'qwen3:latest' }] });
      if (body.model === 'missing') return json(response, 404, { error: `model 'missing' not found` });
      if (path === '/api/chat') return chat(response, body);
      if (path === '/api/generate') return generate(response, body);
      if (path === '/api/embed') return embed(response, body);
      json(response, 404, { error: 'not found' });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    last: (): Asked => asked.at(-1)!,
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

export const TEXT = 'Grüße, 世界 🙂';
const words = ['Grüße', ', ', '世', '界', ' 🙂'];

function chat(response: ServerResponse, body: any): void {
  const line = (message: object, rest: object = {}) => ({
    model: body.model,
    created_at: at,
    message: { role: 'assistant', content: '', ...message },
    done: false,
    ...rest,
  });
  const calls = (body.tools ?? []).map((tool: any, index: number) => ({
    ...(index === 0 && { id: 'call_of_ollama' }),
    function: { index, name: tool.function.name, arguments: { city: 'Zürich', days: 3 } },
  }));
  const end = line({}, { done: true, done_reason: 'stop', ...counts, prompt_eval_count: 26, eval_count: 7 });
  if (body.stream === false) {
    const message =
      calls.length > 0 ? { tool_calls: calls } : { content: TEXT, ...(body.think && { thinking: 'Hm.' }) };
    return json(response, 200, { ...end, message: { role: 'assistant', content: '', ...message } });
  }
  const lines = [
    ...(body.think ? [line({ thinking: 'H' }), line({ thinking: 'm.' })] : []),
    ...(calls.length > 0
      ? calls.map((call: object) => line({ tool_calls: [call] }))
      : words.map((content) => line({ content }))),
  ];
  stream(
    response,
    body.model === 'broken'
      ? [...lines.slice(0, 2), { error: 'llama runner process has terminated' }]
      : [...lines, end],
  );
}

function generate(response: ServerResponse, body: any): void {
  const line = (text: string, rest: object = {}) => ({
    model: body.model,
    created_at: at,
    response: text,
    done: false,
    ...rest,
  });
  const end = {
    done: true,
    done_reason: 'length',
    context: [1, 2, 3],
    ...counts,
    prompt_eval_count: 17,
    eval_count: 5,
  };
  if (body.stream === false) return json(response, 200, line(TEXT, end));
  stream(response, [...words.map((word) => line(word)), line('', end)]);
}

function embed(response: ServerResponse, body: any): void {
  const vectors = body.input.map((text: string) => [text.length, 0.1, -1.5].slice(0, body.dimensions ?? 3));
  json(response, 200, { model: body.model, embeddings: vectors, ...counts, prompt_eval_count: 4 * vectors.length });
}

/** Cut where no one would, in the middle of a character too. */
function stream(response: ServerResponse, lines: object[]): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  let from = 0;
  const next = (): void => {
    if (from >= bytes.length) return void response.end();
    response.write(bytes.subarray(from, (from += 97)));
    setImmediate(next);
  };
  next();
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}
