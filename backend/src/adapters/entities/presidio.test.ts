import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createEgress, type Egress } from '../../platform/egress/index.ts';
import { createPresidio } from './presidio.ts';

interface Asked {
  text: string[];
  language: string;
  entities: string[];
}

const log = pino({ level: 'silent' });
const names = ['Ada Lovelace', '김철수', 'Zürich'];
const asked: Asked[] = [];
const state = { korean: true, answer: 'well' as 'well' | 'broken' | 'late' | 'half' | 'single' };
let server: Server;
let egress: Egress;
let url: string;

/** Speaks as Presidio's own server: lists of texts in, lists of lists out, places counted in characters, keys in order. */
before(async () => {
  server = createServer(async (request, response) => {
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (request.url === '/supportedentities?language=ko')
      return state.korean ? json(200, ['PERSON']) : json(500, { error: 'No matching recognizers were found' });
    if (request.method !== 'POST' || request.url !== '/analyze') return json(404, { error: 'Not Found' });
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.parse(Buffer.concat(parts).toString()) as Asked;
    asked.push(body);
    if (state.answer === 'broken') return json(500, { error: 'A fatal error' });
    if (state.answer === 'late') return;
    if (state.answer === 'half') return void response.writeHead(200).write('[[');
    if (state.answer === 'single') return json(200, []);
    json(
      200,
      body.text.map((text) =>
        names.flatMap((name) => {
          const at = text.indexOf(name);
          const start = Array.from(text.slice(0, at)).length;
          const end = start + Array.from(name).length;
          const type = name === 'Zürich' ? 'LOCATION' : 'PERSON';
          const found = { analysis_explanation: null, end, entity_type: type, score: 0.85, start };
          return at < 0 ? [] : [found, { ...found, entity_type: 'EMAIL_ADDRESS' }];
        }),
      ),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  egress = createEgress({ allow: [], allowLoopback: true, log });
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await egress.close();
});

const presidio = (timeoutMs?: number) => createPresidio({ egress, url, log, ...(timeoutMs ? { timeoutMs } : {}) });

test('FR-003c: names and places come with their places in UTF-16 units, Korean asked as Korean', async () => {
  asked.length = 0;
  const texts = ['😀😀 Ada Lovelace wrote', '', '제 이름은 김철수입니다', 'In Zürich, Ada Lovelace'];
  const found = await presidio()(texts);
  assert.deepEqual(
    found
      .map(({ index, type, start, end, confidence }) => [index, type, texts[index]!.slice(start, end), confidence])
      .sort(),
    [
      [0, 'person', 'Ada Lovelace', 0.85],
      [2, 'person', '김철수', 0.85],
      [3, 'location', 'Zürich', 0.85],
      [3, 'person', 'Ada Lovelace', 0.85],
    ],
  );
  assert.deepEqual(
    asked.map(({ language, text, entities }) => [language, text.length, entities.join()]),
    [
      ['en', 2, 'PERSON,LOCATION,NRP'],
      ['ko', 1, 'PERSON,LOCATION,NRP'],
    ],
  );
  state.korean = false;
  asked.length = 0;
  assert.equal((await presidio()(texts)).length, 4);
  assert.deepEqual(
    asked.map(({ language }) => language),
    ['en'],
  );
  state.korean = true;
});

test('FR-003c: many texts are asked in batches', async () => {
  asked.length = 0;
  const texts = Array.from({ length: 150 }, (_, index) => (index === 149 ? 'by Ada Lovelace' : `line ${index}`));
  const found = await presidio()([...texts, 'x'.repeat(60_000)]);
  assert.deepEqual(
    found.map(({ index }) => index),
    [149],
  );
  assert.deepEqual(
    asked.map(({ text }) => text.length),
    [64, 64, 22, 1],
  );
});

for (const [answer, expected] of [
  ['broken', /answered 500/],
  ['single', /does not answer as a Presidio/],
  ['late', /No answer within 200 ms|aborted|timeout/i],
  ['half', /aborted|timeout/i],
] as const) {
  test(`FR-003c: a server that is ${answer} fails in time and says so`, async () => {
    state.answer = answer;
    const began = Date.now();
    await assert.rejects(presidio(200)(['Ada Lovelace', 'Zürich']), expected);
    state.answer = 'well';
    assert.ok(Date.now() - began < 3_000);
  });
}
