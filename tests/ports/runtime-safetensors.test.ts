import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import pino from 'pino';
import { createPython, type Python } from '../../backend/src/adapters/runtime/local/index.ts';
import type { Runtime, RevisionSpec } from '../../backend/src/ports/runtime.ts';
import { provisionPython } from '../../scripts/provision/python.ts';
import * as harness from './runtime.harness.ts';
import { addressOf, complete, createPlace, createRuntime, createSpec, ready, until } from './runtime.harness.ts';

const root = join(import.meta.dirname, '../..');
const sample = join(root, 'examples/models/glossary-llama');
const log = pino({ level: 'silent' });

interface Parity {
  models: Record<
    string,
    { cases: { messages: { role: string; content: string }[]; prompt: number[]; output: number[]; text: string }[] }
  >;
}

async function readFolder(folder: string): Promise<Record<string, Buffer>> {
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
}

describe('runtime port, local: safetensors', () => {
  let place: harness.Place;
  let runtime: Runtime;
  let files: Record<string, Buffer>;
  let python: Python;
  let conversions = 0;

  before(async () => {
    place = await createPlace();
    files = await readFolder(sample);
    const interpreter = await provisionPython(join(harness.trainer, 'requirements-convert.txt'));
    const real = createPython({ root: harness.trainer, dataDir: join(place.folder, 'data'), interpreter, log });
    python = {
      ...real,
      run(args, options) {
        conversions++;
        return real.run(args, options);
      },
    };
    runtime = await createRuntime(place, { python });
  });
  after(async () => {
    await runtime.close();
    await place.remove();
  });

  const serve = async (spec: RevisionSpec): Promise<void> => {
    await runtime.apply(runtime.plan(spec), spec);
  };

  test('FR-006: two revisions of one model convert it once, and answer greedily as Transformers does', async () => {
    const one = await createSpec(place, files, { revisionId: 'one' });
    await Promise.all([serve(one), serve({ ...one, revisionId: 'two' })]);
    await until(runtime, 'one', ready, 60_000);
    await until(runtime, 'two', ready, 60_000);
    assert.equal(conversions, 1);
    const record = JSON.parse(await readFile(join(root, 'tests/python/fixtures/parity.json'), 'utf8')) as Parity;
    for (const { messages, prompt, output, text } of record.models['glossary-llama']!.cases) {
      const body = { messages, temperature: 0, max_tokens: output.length };
      const answer = await complete(addressOf(runtime, 'one'), '/chat/completions', body);
      assert.equal(answer.choices[0]!.message.content, text);
      assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [prompt.length, output.length]);
    }
    await runtime.remove('one', 0);
  });

  test('FR-006: a later start uses the converted file; one whose bytes changed is made again', async () => {
    const spec = await createSpec(place, files, { revisionId: 'three' });
    await serve(spec);
    await until(runtime, 'three', ready);
    assert.equal(conversions, 1);
    await runtime.remove('three', 0);
    await runtime.remove('two', 0);
    const folder = join(place.folder, 'data/models', String((await readdir(join(place.folder, 'data/models')))[0]));
    const converted = join(folder, 'model.f16.gguf');
    const { size } = await stat(converted);
    await truncate(converted, size - 1);
    await serve(spec);
    await until(runtime, 'three', ready);
    assert.equal(conversions, 2);
    await runtime.remove('three', 0);
  });

  test('FR-006r: a family that cannot be converted names those that can', async () => {
    const config = { ...(JSON.parse(files['config.json']!.toString()) as object), architectures: ['MambaForCausalLM'] };
    const spec = await createSpec(
      place,
      { ...files, 'config.json': Buffer.from(JSON.stringify(config)) },
      { revisionId: 'mamba' },
    );
    await serve(spec);
    const { conditions } = await until(runtime, 'mamba', ({ phase }) => phase === 'failed');
    assert.equal(conditions[0]!.reason, 'ArchitectureUnsupported');
    assert.match(conditions[0]!.message, /MambaForCausalLM.*LlamaForCausalLM/s);
    await runtime.remove('mamba', 0);
  });

  test('FR-001: a changed byte of the weights is never converted', async () => {
    const spec = await createSpec(place, { ...files, 'README.md': Buffer.from('new') }, { revisionId: 'changed' });
    const weights = Buffer.from(files['model.safetensors']!);
    weights[weights.length - 5]! ^= 1;
    const config = Buffer.from(`${files['config.json']!.toString()} `);
    const other = await createSpec(place, { ...files, 'config.json': config }, { revisionId: 'other' });
    await place.objects.put(`${harness.PREFIX}model.safetensors`, Readable.from(weights));
    const before = conversions;
    await serve(other);
    const { conditions } = await until(runtime, 'other', ({ phase }) => phase === 'failed');
    assert.equal(conditions[0]!.reason, 'DigestMismatch');
    assert.equal(conversions, before);
    assert.equal(spec.model.files.length, other.model.files.length);
    await runtime.remove('other', 0);
  });

  test('FR-006: without Python the condition says what to install, and preflight knows it before', async () => {
    const missing: Python = createPython({
      root: harness.trainer,
      dataDir: join(place.folder, 'other'),
      interpreter: join(place.folder, 'no-python'),
      log,
    });
    assert.equal((await missing.check()).ok, false);
    const lonely = await createRuntime(place, { python: missing, dataDir: join(place.folder, 'other') });
    try {
      const spec = await createSpec(place, files, { revisionId: 'lonely' });
      await lonely.apply(lonely.plan(spec), spec);
      const { conditions } = await until(lonely, 'lonely', ({ phase }) => phase === 'failed');
      assert.equal(conditions[0]!.reason, 'PythonMissing');
      assert.match(conditions[0]!.remedy, /LLMOPS_PYTHON/);
      const preflight = await lonely.preflight(spec);
      assert.equal(preflight.checks.find(({ name }) => name === 'python')?.level, 'red');
    } finally {
      await lonely.close();
    }
  });

  test('FR-006: the environment is made once, from nothing but a small list here, and reused', async () => {
    const trainer = join(place.folder, 'trainer');
    await mkdir(trainer);
    await writeFile(join(trainer, 'requirements-convert.txt'), 'idna==3.20\n');
    const made = createPython({ root: trainer, dataDir: join(place.folder, 'data'), log });
    const ask = ['-c', 'import idna, sys; print(sys.prefix)'];
    const [first, second] = await Promise.all([made.run(ask), made.run(ask)]);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, second.stdout);
    assert.ok(first.stdout.startsWith(join(place.folder, 'data/python')));
    assert.equal((await readdir(join(place.folder, 'data/python'))).length, 1);
  });
});
