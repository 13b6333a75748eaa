import assert from 'node:assert/strict';
import { cp, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { convert, glossaryModel, makeTinyModels, python, type Outcome } from './python.ts';

const folder = await mkdtemp(join(tmpdir(), 'convert-'));
const tiny = join(folder, 'tiny');
let copies = 0;

before(() => makeTinyModels(tiny));
after(() => rm(folder, { recursive: true, force: true }));

/** A copy of a tiny model, with one JSON file of it changed. */
async function changed(model: string, file = 'config.json', change: object = {}): Promise<string> {
  const copy = join(folder, `copy-${(copies += 1)}`);
  await cp(join(tiny, model), copy, { recursive: true });
  const content = JSON.parse(await readFile(join(copy, file), 'utf8')) as object;
  await writeFile(join(copy, file), JSON.stringify({ ...content, ...change }));
  return copy;
}

/** Converts, expects a refusal that left nothing behind, and gives what it says. */
async function refusal(source: string, dtype: 'f16' | 'f32' = 'f32') {
  const target = await mkdtemp(join(folder, 'refused-'));
  const outcome = await convert(source, join(target, 'model.gguf'), dtype);
  assert.equal(outcome.code, 2, outcome.stderr);
  assert.equal(outcome.stdout, '');
  assert.deepEqual(await readdir(target), []);
  assert.ok(!outcome.stderr.includes(folder), 'a refusal names no folder of the server');
  return (JSON.parse(outcome.stderr) as { error: { code: string; message: string; supported?: string[] } }).error;
}

const accepted = (outcome: Outcome) => {
  assert.equal(outcome.code, 0, outcome.stderr);
  return JSON.parse(outcome.stdout) as { architecture: string; tensors: number; parameters: number; output: string };
};

test('FR-006: the sample model converts, says what it made, and gives the same bytes again', async () => {
  const [one, two] = [join(folder, 'one.gguf'), join(folder, 'two.gguf')];
  const facts = accepted(await convert(glossaryModel, one, 'f16'));
  assert.equal(facts.architecture, 'LlamaForCausalLM');
  assert.equal(facts.output, one);
  assert.ok(facts.tensors > 30 && facts.parameters > 1e6 && facts.parameters < 4e6);
  accepted(await convert(glossaryModel, two, 'f16'));
  const bytes = await readFile(one);
  assert.equal(bytes.subarray(0, 4).toString(), 'GGUF');
  assert.ok(bytes.equals(await readFile(two)));
});

test('FR-006: an unsupported architecture is refused with the supported ones named', async () => {
  const error = await refusal(await changed('llama-plain', 'config.json', { architectures: ['GPT2LMHeadModel'] }));
  assert.equal(error.code, 'architecture_unsupported');
  assert.match(error.message, /GPT2LMHeadModel/);
  assert.deepEqual(error.supported, ['LlamaForCausalLM', 'MistralForCausalLM', 'Qwen2ForCausalLM']);
  for (const change of [
    { quantization_config: { bits: 4 } },
    { hidden_act: 'gelu' },
    { rope_scaling: { type: 'yarn' } },
  ])
    assert.equal((await refusal(await changed('llama-plain', 'config.json', change))).code, 'architecture_unsupported');
});

test('FR-006: numbers in config.json that cannot be are refused', async () => {
  for (const change of [{ num_hidden_layers: 1e9 }, { num_key_value_heads: 3 }, { vocab_size: '2048' }])
    assert.equal((await refusal(await changed('llama-plain', 'config.json', change))).code, 'config_invalid');
  const source = await changed('llama-plain');
  await writeFile(join(source, 'config.json'), '{"architectures": ');
  assert.equal((await refusal(source)).code, 'config_invalid');
});

test('FR-001a: a truncated header, a truncated tensor and a header length beyond the file are refused', async () => {
  for (const length of [4, 100]) {
    const source = await changed('llama-plain');
    await truncate(join(source, 'model.safetensors'), length);
    assert.equal((await refusal(source)).code, 'weights_invalid');
  }
  const short = await changed('llama-plain');
  const file = join(short, 'model.safetensors');
  await truncate(file, (await readFile(file)).length - 4);
  assert.equal((await refusal(short)).code, 'weights_invalid');
  const hostile = await changed('llama-plain');
  const handle = await open(join(hostile, 'model.safetensors'), 'r+');
  await handle.write(Buffer.from('ffffffffffffff7f', 'hex'), 0, 8, 0);
  await handle.close();
  assert.match((await refusal(hostile)).message, /header says 9223372036854775807 bytes/);
});

test('FR-001a: 26 hostile headers and 2,000 mutated ones are read or refused by name, never a crash', async () => {
  const script = join(import.meta.dirname, 'hostile.py');
  const file = join(tiny, 'llama-plain', 'model.safetensors');
  const outcome = await python('requirements-convert.txt', [script, file, '2000']);
  assert.equal(outcome.code, 0, outcome.stderr);
  const { refused, read } = JSON.parse(outcome.stdout) as { refused: number; read: number };
  assert.equal(refused + read, 2000);
  assert.ok(refused > 1000);
});

test('FR-006: shards are read by their index; an index that lies or leaves the folder is refused', async () => {
  const name = 'model.safetensors.index.json';
  const whole = JSON.parse(await readFile(join(tiny, 'llama-rope-llama3-sharded', name), 'utf8')) as {
    weight_map: { [tensor: string]: string };
  };
  accepted(await convert(join(tiny, 'llama-rope-llama3-sharded'), join(folder, 'sharded.gguf')));
  const tensor = 'model.norm.weight';
  const other = Object.values(whole.weight_map).find((shard) => shard !== whole.weight_map[tensor]);
  for (const shard of [
    '../../tiny/llama-plain/model.safetensors',
    '/etc/passwd',
    'absent.safetensors',
    other,
    7,
    '.',
  ]) {
    const weight_map = { ...whole.weight_map, [tensor]: shard };
    const source = await changed('llama-rope-llama3-sharded', name, { weight_map });
    assert.equal((await refusal(source)).code, 'weights_invalid', String(shard));
  }
});

test('FR-006: bfloat16, float16 and float32 of the same values give the same file', async () => {
  const source = await changed('llama-plain');
  const program = `
import sys
sys.path[:0] = [${JSON.stringify(import.meta.dirname)}]
from pathlib import Path
import tiny
folder = Path(${JSON.stringify(source)})
values = tiny.weights({**tiny.BASE, **tiny.VARIANTS["llama-plain"][0]}, 0)
tiny.write_safetensors(folder / "model.safetensors", values, sys.argv[1])`;
  const files: Buffer[] = [];
  for (const dtype of ['BF16', 'F16', 'F32']) {
    const written = await python('requirements-convert.txt', ['-c', program, dtype]);
    assert.equal(written.code, 0, written.stderr);
    accepted(await convert(source, join(folder, 'same.gguf')));
    files.push(await readFile(join(folder, 'same.gguf')));
  }
  assert.ok(files.every((file) => file.equals(files[0] as Buffer)));
});

test('FR-006: tensors that are missing, surplus, of another shape or not finite are refused', async () => {
  for (const [change, message] of [
    [{ attention_bias: true }, /bias is missing/],
    [{ num_hidden_layers: 1 }, /does not belong/],
    [{ intermediate_size: 128 }, /has the shape/],
  ] as const) {
    const error = await refusal(await changed('llama-plain', 'config.json', change));
    assert.equal(error.code, 'weights_invalid');
    assert.match(error.message, message);
  }
  const source = await changed('llama-plain');
  const file = join(source, 'model.safetensors');
  const bytes = await readFile(file);
  bytes.writeFloatLE(1e6, bytes.length - 4);
  await writeFile(file, bytes);
  assert.match((await refusal(source, 'f16')).message, /not finite as float16; try --dtype f32/);
  accepted(await convert(source, join(folder, 'large.gguf'), 'f32'));
});

test('FR-006: a tokenizer that the engine would read otherwise is refused', async () => {
  const unknown = {
    type: 'Sequence',
    pretokenizers: [{ type: 'Whitespace' }, { type: 'ByteLevel', use_regex: false }],
  };
  for (const [change, code] of [
    [{ pre_tokenizer: unknown }, 'tokenizer_unsupported'],
    [{ pre_tokenizer: null }, 'tokenizer_unsupported'],
    [{ model: { type: 'Unigram', vocab: [] } }, 'tokenizer_unsupported'],
    [{ model: { type: 'BPE', vocab: { a: 0, b: 0 }, merges: [] } }, 'tokenizer_invalid'],
    [{ model: { type: 'BPE', vocab: { a: 9999 }, merges: [] } }, 'tokenizer_invalid'],
    [{ model: { type: 'BPE', vocab: { a: 0 }, merges: [['a', 'z']] } }, 'tokenizer_invalid'],
    [{ post_processor: { type: 'TemplateProcessing', single: [7] } }, 'tokenizer_invalid'],
  ] as const)
    assert.equal((await refusal(await changed('llama-plain', 'tokenizer.json', change))).code, code);
});
