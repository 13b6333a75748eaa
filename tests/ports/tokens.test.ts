import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createPython } from '../../backend/src/adapters/runtime/local/index.ts';
import { createTokenCounter, createTokenizerSource } from '../../backend/src/adapters/tokens/index.ts';
import type { Runtime } from '../../backend/src/ports/runtime.ts';
import { provisionPython } from '../../scripts/provision/python.ts';
import { openWorld, register, type World } from '../catalog/world.ts';
import * as harness from './runtime.harness.ts';

const MiB = 1024 * 1024;
const sample = join(import.meta.dirname, '../../examples/models/glossary-llama');
const log = pino({ level: 'silent' });

const prompts = [
  'What is a revision?',
  '롤백이란 무엇인가요?',
  '  two  spaces, a\ttab,\n\n\nlines ',
  'Zażółć gęślą jaźń – “naïve” 1234567890 👩‍👩‍👧 𝒻(x) ≤ ∞',
  'const sum = (a: number, b: number): number => a + b; // don’t',
  'special <|im_end|> tokens <|im_start|>in the text',
  'x'.repeat(300),
];

describe('tokens: against the engine that serves the same model', () => {
  let place: harness.Place;
  let runtime: Runtime;
  let world: World;
  let address: ReturnType<typeof harness.addressOf>;
  before(async () => {
    const names = await readdir(sample);
    const files = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(join(sample, name))] as const)),
    );
    place = await harness.createPlace();
    const interpreter = await provisionPython(join(harness.trainer, 'requirements-convert.txt'));
    const python = createPython({ root: harness.trainer, dataDir: join(place.folder, 'data'), interpreter, log });
    runtime = await harness.createRuntime(place, { python });
    const spec = await harness.createSpec(place, files);
    await runtime.apply(runtime.plan(spec), spec);
    world = await openWorld();
    await harness.until(runtime, spec.revisionId, harness.ready, 60_000);
    address = harness.addressOf(runtime, spec.revisionId);
  });
  after(async () => {
    await world.close();
    await runtime.close();
    await place.remove();
  });

  it('FR-011: the count of a text, by the tokenizer in the catalog, is what the engine reports for the same prompt', async () => {
    const { id } = await register(world.ada);
    const files = { 'tokenizer.json': '', 'tokenizer_config.json': '' } as Record<string, Buffer | string>;
    for (const name of Object.keys(files)) files[name] = await readFile(join(sample, name));
    assert.equal((await world.ada.upload(id, files)).status, 200);
    const counter = createTokenCounter({ tokenizerOf: createTokenizerSource(world), log, countMs: 20_000 });
    try {
      let sum = 0;
      for (const prompt of prompts) {
        const { usage } = await harness.complete(address, '/completions', { prompt, max_tokens: 1 });
        assert.equal(await counter.count(id, [prompt]), usage.prompt_tokens, JSON.stringify(prompt));
        sum += usage.prompt_tokens;
      }
      assert.equal(await counter.count(id, prompts), sum, 'several texts');

      const usageOf = async (content: string) =>
        harness.complete(address, '/chat/completions', { messages: [{ role: 'user', content }], temperature: 0 });
      const template = (await usageOf('')).usage.prompt_tokens;
      for (const prompt of prompts.slice(0, 2)) {
        const { usage, choices } = await usageOf(prompt);
        assert.equal(choices[0]!.finish_reason, 'stop');
        assert.equal(await counter.count(id, [prompt]), usage.prompt_tokens - template);
        // the engine counts the token that ends an answer
        assert.equal(await counter.count(id, [choices[0]!.message.content]), usage.completion_tokens - 1);
      }
    } finally {
      await counter.close();
    }
  });

  it('FR-011: a model without a tokenizer, or that is gone, has no count; one whose file was changed is not trusted', async () => {
    const tokenizerOf = createTokenizerSource(world);
    const { id } = await register(world.ada);
    assert.equal(await tokenizerOf(id), null);
    assert.equal(await tokenizerOf('019930e0-0000-7000-8000-000000000000'), null);
    await world.ada.upload(id, { 'tokenizer.json': '{"model":{}}' });
    assert.deepEqual(await tokenizerOf(id), { json: Buffer.from('{"model":{}}'), config: null });
    const { model } = await world.catalog.getForServing(id);
    await world.objects.put(`${model.prefix}tokenizer.json`, Readable.from([Buffer.from('{"model":[]}')]));
    await assert.rejects(tokenizerOf(id), /tokenizer\.json is not what was approved/);
  });
});

/** The tokenizer with a pattern that tries every way to divide a row of a's. */
function endless(json: string): string {
  const pattern = { type: 'Split', pattern: { Regex: '^(a+)+$' }, behavior: 'Isolated', invert: false };
  return JSON.stringify({ ...(JSON.parse(json) as object), pre_tokenizer: pattern });
}

describe('tokens: the counting thread', () => {
  let json: string;
  const warned: string[] = [];
  const warnings = pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) });
  before(async () => {
    json = await readFile(join(sample, 'tokenizer.json'), 'utf8');
  });

  type Options = Partial<Parameters<typeof createTokenCounter>[0]>;
  async function counting(options: Options, work: (counter: ReturnType<typeof createTokenCounter>) => Promise<void>) {
    const tokenizerOf = async () => ({ json, config: null });
    const counter = createTokenCounter({ tokenizerOf, log: warnings, countMs: 20_000, ...options });
    try {
      await work(counter);
    } finally {
      await counter.close();
      assert.equal(counter.isRunning(), false);
    }
  }

  it('FR-011: starts when it is needed, ends when it is idle, and starts again', () =>
    counting({ idleMs: 200 }, async (counter) => {
      assert.equal(counter.isRunning(), false);
      assert.equal(await counter.count('m', ['What is a revision?']), 5);
      assert.equal(counter.isRunning(), true);
      for (let waited = 0; counter.isRunning(); waited++) {
        assert.ok(waited < 100, 'still there after 5 s');
        await sleep(50);
      }
      assert.equal(await counter.count('m', ['What is a revision?', '']), 5);
    }));

  it('FR-011: at most eight tokenizers are kept, those used last; each is read once', async () => {
    const read: string[] = [];
    const tokenizerOf = async (model: string) => {
      read.push(model);
      await sleep(5);
      return { json: Buffer.from(json), config: null };
    };
    await counting({ tokenizerOf }, async (counter) => {
      const models = Array.from({ length: 8 }, (_, index) => `m${index}`);
      const counts = await Promise.all([...models, ...models].map((model) => counter.count(model, ['a b c'])));
      assert.deepEqual(counts, Array(16).fill(3));
      assert.deepEqual(read, models);
      await counter.count('m0', ['a']);
      await counter.count('m8', ['a']);
      await counter.count('m0', ['a']);
      assert.deepEqual(read.slice(8), ['m8'], 'm0 was used after the others');
      await counter.count('m1', ['a']);
      assert.deepEqual(read.slice(9), ['m1'], 'the one that had to go');
    });
  });

  it('FR-011: the server goes on while a long text is counted', () =>
    counting({ countMs: 60_000 }, async (counter) => {
      await counter.count('m', ['warm']);
      const text = 'What is a revision? '.repeat((3 * MiB) / 20);
      let worst = 0;
      let last = performance.now();
      const ticks = setInterval(() => {
        worst = Math.max(worst, performance.now() - last);
        last = performance.now();
      }, 2);
      const start = performance.now();
      const count = await counter.count('m', [text]);
      const took = performance.now() - start;
      clearInterval(ticks);
      console.log(
        `tokens: ${count} counted in ${Math.round(took)} ms, the server late by ${Math.round(worst)} ms at most`,
      );
      assert.ok(count !== null && count > 900_000);
      assert.ok(worst < took / 4, `${worst} of ${took} ms`);
    }));

  it('FR-011: a count that takes too long is given up, one of a text that is too long not begun; those behind have theirs', async () => {
    const tokenizerOf = async (model: string) => ({ json: model === 'endless' ? endless(json) : json, config: null });
    await counting({ tokenizerOf, countMs: 2_000 }, async (counter) => {
      assert.equal(await counter.count('m', ['a b c']), 3);
      warned.length = 0;
      const start = performance.now();
      const slow = counter.count('endless', [`${'a'.repeat(64)}b`]);
      await sleep(1_500);
      const behind = Promise.all([counter.count('m', ['a b c']), counter.count('other', ['a b c d'])]);
      assert.equal(await slow, null);
      assert.ok(performance.now() - start < 3_000, 'it was given up');
      assert.deepEqual(await behind, [3, 4]);
      assert.equal(warned.length, 1);
      assert.match(warned[0]!, /it took longer than 2000 ms/);
      assert.equal(await counter.count('m', ['x'.repeat(4 * MiB + 1)]), null);
      assert.equal(await counter.count('m', ['한'.repeat(1.5 * MiB)]), null, 'by its bytes');
    });
  });

  it('REL: a text that kills the thread costs its own count alone', () =>
    counting({ heapMb: 48 }, async (counter) => {
      warned.length = 0;
      const counts = await Promise.all([
        counter.count('m', ['a b c']),
        counter.count('m', ['x'.repeat(2 * MiB)]),
        counter.count('m', ['a b c d']),
        counter.count('other', ['a']),
      ]);
      assert.deepEqual(counts, [3, null, 4, 1]);
      assert.match(warned.join(''), /memory/);
      assert.equal(await counter.count('m', ['a b c']), 3);
    }));

  it('REL: a tokenizer that cannot be read harms no other, and is not tried for every request', async () => {
    let asked = 0;
    const tokenizerOf = async (model: string) => {
      if (model === 'good') return { json, config: '{}' };
      asked += 1;
      if (model === 'none') return null;
      if (model === 'away') throw new Error('the object store is away');
      return { json: model === 'broken' ? '{"version":' : 'x'.repeat(32 * MiB + 1), config: null };
    };
    await counting({ tokenizerOf }, async (counter) => {
      const counts = ['none', 'away', 'broken', 'large'].map((model) => counter.count(model, ['a b c']));
      assert.deepEqual(await Promise.all([...counts, counter.count('good', ['a b c'])]), [null, null, null, null, 3]);
      assert.equal(asked, 4);
      for (const model of ['none', 'away', 'broken', 'large']) assert.equal(await counter.count(model, ['a']), null);
      assert.equal(asked, 4);
    });
  });

  it('REL: closed in the middle of a count it answers, and counts no more', () =>
    counting({}, async (counter) => {
      const under = counter.count('m', ['x'.repeat(4 * MiB)]);
      await sleep(300);
      await counter.close();
      assert.equal(await under, null);
      assert.equal(await counter.count('m', ['a']), null);
    }));
});
