import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readGguf } from '../../backend/src/domains/catalog/inspect/gguf.ts';
import { combineFacts, inspectFile, type FileInspection } from '../../backend/src/domains/catalog/inspect/index.ts';
import { scanPickle } from '../../backend/src/domains/catalog/inspect/pickle.ts';
import { bytesReader, InvalidFile } from '../../backend/src/domains/catalog/inspect/reader.ts';
import { readSafetensors } from '../../backend/src/domains/catalog/inspect/safetensors.ts';
import {
  config,
  gguf,
  goodPickle,
  goodTorchFile,
  hostilePickles,
  hostilePythonPickles,
  pythonPickles,
  rawSafetensors,
  safetensors,
  zip,
} from './files.ts';

const runs = 10_000;

/** The parser answers or refuses; anything else is a fault. */
async function holds(parse: () => Promise<unknown>): Promise<void> {
  try {
    await parse();
  } catch (error) {
    if (!(error instanceof InvalidFile)) throw error;
  }
}

/** Bytes of a good file with some of them changed, cut off or repeated: reaches deeper than noise does. */
function mutated(good: Buffer): fc.Arbitrary<Buffer> {
  const edit = fc.tuple(fc.nat(good.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)));
  return fc
    .tuple(fc.array(edit, { maxLength: 12 }), fc.option(fc.nat(good.length)), fc.uint8Array({ maxLength: 32 }))
    .map(([edits, cut, tail]) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of edits) bytes[at] = value;
      return Buffer.concat([cut === null ? bytes : bytes.subarray(0, cut), tail]);
    });
}

const noise = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes));

async function fuzz(good: Buffer, parse: (bytes: Buffer) => Promise<unknown>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated(good), noise), (bytes) => holds(() => parse(bytes))),
    { numRuns: runs },
  );
}

describe('what the headers of a file tell', () => {
  it('FR-001a: safetensors: parameters and dtype, without reading a tensor', async () => {
    const bytes = safetensors({ w: [8, 16], b: [16] }, { metadata: { format: 'pt' } });
    let read = 0;
    const reader = {
      size: bytes.length,
      read: async (start: number, length: number) => ((read += length), bytes.subarray(start, start + length)),
    };
    const found = await inspectFile('model.safetensors', reader);
    assert.deepEqual(found, {
      sound: true,
      notes: [],
      facts: { kind: 'safetensors', dtypes: { F32: 576 }, facts: { parameters: 144 } },
    });
    assert.ok(read < bytes.length);
  });

  const hostile: Record<string, Buffer> = {
    'an empty file': Buffer.alloc(0),
    'a header longer than the file': Buffer.concat([Buffer.from([255, 255, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]),
    'a header of 2^63 bytes': Buffer.from([0, 0, 0, 0, 0, 0, 0, 128, 123]),
    'no JSON': rawSafetensors('{"a":', 0),
    'a list': rawSafetensors('[]', 0),
    'brackets without end': rawSafetensors(`{"a":${'['.repeat(100_000)}`, 0),
    'offsets outside of the file': rawSafetensors('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 4),
    'offsets that overlap': rawSafetensors(
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}',
      12,
    ),
    'a hole': rawSafetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8),
    'bytes behind the last tensor': rawSafetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 8),
    'a shape that does not fit': rawSafetensors('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', 8),
    'a shape that overflows': rawSafetensors(
      '{"a":{"dtype":"U8","shape":[9007199254740991,9007199254740991],"data_offsets":[0,8]}}',
      8,
    ),
    'a negative shape': rawSafetensors('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4),
    'an unknown type': rawSafetensors('{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,4]}}', 4),
    'metadata that is no text': rawSafetensors('{"__metadata__":{"a":1}}', 0),
    'a pickle under another name': goodPickle,
  };
  for (const [name, bytes] of Object.entries(hostile)) {
    it(`FR-001a: safetensors refused: ${name}`, async () => {
      const found = await inspectFile('model.safetensors', bytesReader(bytes));
      assert.equal(found.sound, false);
      assert.equal(found.notes.length, 1);
    });
  }

  it('FR-001a: GGUF: architecture, context, vocabulary and template from its own metadata', async () => {
    const bytes = gguf(
      {
        'general.architecture': 'llama',
        'llama.context_length': 2048,
        'llama.block_count': 4,
        'llama.embedding_length': 64,
        'llama.attention.head_count': 8,
        'llama.attention.head_count_kv': 2,
        'tokenizer.ggml.tokens': ['a', 'b', 'c'],
        'tokenizer.chat_template': '{{ messages }}'.padEnd(10_000),
      },
      { 'token_embd.weight': [64, 3], 'output.weight': [64, 3] },
    );
    const { sound, facts } = await inspectFile('model.gguf', bytesReader(bytes));
    assert.equal(sound, true);
    const model = combineFacts([{ size: bytes.length, facts }])!;
    assert.deepEqual(
      { ...model, weightBytes: 0 },
      {
        format: 'gguf',
        architecture: 'llama',
        parameters: 384,
        dtype: 'F32',
        contextLength: 2048,
        layers: 4,
        hiddenSize: 64,
        heads: 8,
        kvHeads: 2,
        headDim: 8,
        vocabularySize: 3,
        weightBytes: 0,
        tokenizer: true,
        chatTemplate: true,
      },
    );
  });

  it('FR-001a: GGUF refused: tensors outside of the file, counts and lengths beyond reason', async () => {
    const good = gguf({ 'general.architecture': 'llama' }, { a: [64], b: [64] });
    const edited = (at: number, value: bigint) => {
      const bytes = Buffer.from(good);
      bytes.writeBigUInt64LE(value, at);
      return bytes;
    };
    for (const bytes of [
      good.subarray(0, good.length - 1),
      edited(8, 2n ** 40n),
      edited(16, 2n ** 40n),
      edited(24, 2n ** 60n),
      Buffer.from('GGUF\x01\0\0\0'),
      Buffer.from('PK'),
    ]) {
      assert.equal((await inspectFile('m.gguf', bytesReader(bytes))).sound, false);
    }
  });

  it('FR-001a: a folder as Transformers writes it', async () => {
    const files = {
      'config.json': config,
      'model.safetensors': safetensors({ a: [4] }),
      'tokenizer.json': '{}',
      'tokenizer_config.json': '{"chat_template":"x"}',
    };
    const facts = await Promise.all(
      Object.entries(files).map(async ([path, content]) => ({
        size: content.length,
        ...(await inspectFile(path, bytesReader(Buffer.from(content)))),
      })),
    );
    const model = combineFacts(facts as (FileInspection & { size: number })[])!;
    assert.equal(model.architecture, 'LlamaForCausalLM');
    assert.deepEqual(
      [model.tokenizer, model.chatTemplate, model.headDim, model.contextLength, model.dtype],
      [true, true, 16, 256, 'F32'],
    );
    assert.equal((await inspectFile('config.json', bytesReader(Buffer.from('[1]')))).sound, false);
  });
});

describe('pickles', () => {
  it('FR-001a: weights as PyTorch saves them, old and new, are marked and not refused', async () => {
    const legacy = Buffer.concat([
      Buffer.from(
        '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00.',
        'latin1',
      ),
      goodPickle,
      Buffer.from('\x80\x02]q\x00.', 'latin1'),
      Buffer.from([0, 1, 2, 255, 254]),
    ]);
    for (const bytes of [goodTorchFile, zip({ 'a/data.pkl': goodPickle }, { deflate: true }), goodPickle, legacy]) {
      const { sound, notes } = await inspectFile('pytorch_model.bin', bytesReader(bytes));
      assert.equal(`${sound} ${notes.length}`, 'true 1');
      assert.match(notes[0]!, /collections\.OrderedDict, torch\.FloatStorage, torch\._utils\._rebuild_tensor_v2/);
    }
  });

  it('FR-001a: pickles of CPython under every protocol are followed to their end', async () => {
    for (const [protocol, text] of pythonPickles.entries()) {
      const { sound, notes } = await inspectFile('x.pt', bytesReader(Buffer.from(text, 'base64')));
      assert.equal(`${protocol} ${sound}`, `${protocol} true`, notes.join(' '));
    }
    for (const [protocol, text] of hostilePythonPickles.entries()) {
      const { sound, notes } = await inspectFile('x.pt', bytesReader(Buffer.from(text, 'base64')));
      assert.equal(`${protocol} ${sound}`, `${protocol} false`);
      assert.match(notes.join(' '), /Dangerous: it imports posix\.system/);
    }
  });

  for (const [name, bytes] of Object.entries(hostilePickles)) {
    it(`FR-001a: a pickle that runs something is refused: ${name}`, async () => {
      const { sound, notes } = await inspectFile('pytorch_model.bin', bytesReader(bytes));
      assert.equal(sound, false, notes.join(' '));
      assert.ok(notes.length > 0);
    });
  }
});

describe('parsers under noise', () => {
  it(`EC-parsers: ${runs} safetensors headers: no crash, no hang`, () =>
    fuzz(safetensors({ a: [2, 3], b: [4] }), (bytes) => readSafetensors(bytesReader(bytes))));
  it(`EC-parsers: ${runs} GGUF headers: no crash, no hang`, () =>
    fuzz(
      gguf({ 'general.architecture': 'llama', 'llama.block_count': 2, tokens: ['a', 'b'] }, { a: [8], b: [8] }),
      (bytes) => readGguf(bytesReader(bytes)),
    ));
  it(`EC-parsers: ${runs} pickles: no crash, no hang`, () =>
    fuzz(goodPickle, (bytes) => scanPickle(bytesReader(bytes))));
  it(`EC-parsers: ${runs} archives: no crash, no hang`, () =>
    fuzz(goodTorchFile, (bytes) => scanPickle(bytesReader(bytes))));
  it('EC-parsers: any table of tensors is read back as it was written', () =>
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.string({ minLength: 1, maxLength: 8 }).filter((name) => !/^(\d+|__.*)$/.test(name)),
          fc.array(fc.nat(5), { maxLength: 3 }),
          { maxKeys: 5 },
        ),
        async (tensors) => {
          const found = await readSafetensors(bytesReader(safetensors(tensors)));
          assert.deepEqual(Object.fromEntries(found.tensors.map(({ name, shape }) => [name, shape])), { ...tensors });
        },
      ),
    ));
});
