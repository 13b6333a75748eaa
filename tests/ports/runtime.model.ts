/**
 * A real GGUF file whose answers are known: a Llama of one layer whose weights are zero but for the token table, so that each
 * token decides the next one. Chat answers the alphabet and ends; a chat that says `count`, and the prompt `0`, count for ever.
 */
interface TinyModel {
  architecture?: string;
  chatTemplate?: string | null;
  contextLength?: number;
}

const WIDTH = 320;
const START = 256;
const END = 257;
const alphabet = 'abcdefghijklmnopqrstuvwxyz';
export const ANSWER = alphabet;

const template =
  "{% for message in messages %}{% if message.role == 'forbidden' %}{{ raise_exception('role forbidden') }}{% endif %}" +
  "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% if messages[-1].content == 'count' %}0{% endif %}{% endif %}";

export function tinyGguf({
  architecture = 'llama',
  chatTemplate = template,
  contextLength = 2048,
}: TinyModel = {}): Buffer {
  const tokens = [...byteTokens(), '<|im_start|>', '<|im_end|>', 'Ġt'];
  while (tokens.length < WIDTH) tokens.push(`[UNUSED_${tokens.length}]`);
  const types = tokens.map((_, id) => (id === START || id === END ? 3 : id > END + 1 ? 5 : 1));
  const entries: Buffer[] = [
    entry('general.architecture', string(architecture)),
    entry('general.name', string('tiny')),
    entry(`${architecture}.context_length`, uint32(contextLength)),
    entry(`${architecture}.embedding_length`, uint32(WIDTH)),
    entry(`${architecture}.block_count`, uint32(1)),
    entry(`${architecture}.feed_forward_length`, uint32(64)),
    entry(`${architecture}.attention.head_count`, uint32(5)),
    entry(`${architecture}.attention.head_count_kv`, uint32(5)),
    entry(`${architecture}.attention.layer_norm_rms_epsilon`, float32(1e-5)),
    entry(`${architecture}.rope.dimension_count`, uint32(64)),
    entry(`${architecture}.vocab_size`, uint32(WIDTH)),
    entry('tokenizer.ggml.model', string('gpt2')),
    entry('tokenizer.ggml.pre', string('gpt-2')),
    entry('tokenizer.ggml.tokens', array(8, tokens.map(text))),
    entry(
      'tokenizer.ggml.token_type',
      array(
        5,
        types.map((type) => number32(type)),
      ),
    ),
    entry('tokenizer.ggml.merges', array(8, [text('Ġ t')])),
    entry('tokenizer.ggml.bos_token_id', uint32(END)),
    entry('tokenizer.ggml.eos_token_id', uint32(END)),
    entry('tokenizer.ggml.add_bos_token', { type: 7, value: Buffer.from([0]) }),
  ];
  if (chatTemplate !== null) entries.push(entry('tokenizer.chat_template', string(chatTemplate)));
  const tensors = weights();
  const infos: Buffer[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    infos.push(
      text(tensor.name),
      number32(tensor.shape.length),
      ...tensor.shape.map(number64),
      number32(0),
      number64(offset),
    );
    offset += tensor.data.byteLength;
  }
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    number32(3),
    number64(tensors.length),
    number64(entries.length),
    ...entries,
    ...infos,
  ]);
  const padding = Buffer.alloc((32 - (head.length % 32)) % 32);
  return Buffer.concat([head, padding, ...tensors.map((tensor) => Buffer.from(tensor.data.buffer))]);
}

interface Tensor {
  name: string;
  /** innermost dimension first; every size here is a multiple of the file's alignment */
  shape: number[];
  data: Float32Array;
}

function weights(): Tensor[] {
  const zero = (name: string, ...shape: number[]): Tensor => ({
    name,
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  });
  const filled = (tensor: Tensor): Tensor => ({ ...tensor, data: tensor.data.fill(1) });
  const table = zero('token_embd.weight', WIDTH, WIDTH);
  const output = zero('output.weight', WIDTH, WIDTH);
  for (let token = 0; token < WIDTH; token++) table.data[token * WIDTH + token] = 1;
  for (let token = 0; token < WIDTH; token++) output.data[following(token) * WIDTH + token] = 0.5;
  return [
    table,
    filled(zero('blk.0.attn_norm.weight', WIDTH)),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => zero(`blk.0.${name}.weight`, WIDTH, WIDTH)),
    filled(zero('blk.0.ffn_norm.weight', WIDTH)),
    zero('blk.0.ffn_gate.weight', WIDTH, 64),
    zero('blk.0.ffn_up.weight', WIDTH, 64),
    zero('blk.0.ffn_down.weight', 64, WIDTH),
    filled(zero('output_norm.weight', WIDTH)),
    output,
  ];
}

/** The token that follows: letters up to the end mark, digits in a ring, everything else leads to `a`. */
function following(token: number): number {
  const character = String.fromCharCode(token);
  if (character === 'z') return END;
  if (character >= 'a' && character < 'z') return token + 1;
  if (character >= '0' && character <= '9') return character === '9' ? '0'.charCodeAt(0) : token + 1;
  return 'a'.charCodeAt(0);
}

/** GPT-2's printable names of the 256 bytes, in byte order. */
function byteTokens(): string[] {
  let spare = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(printable ? byte : spare++);
  });
}

interface Value {
  type: number;
  value: Buffer;
}

const string = (value: string): Value => ({ type: 8, value: text(value) });
const uint32 = (value: number): Value => ({ type: 4, value: number32(value) });
function float32(value: number): Value {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return { type: 6, value: buffer };
}
const array = (type: number, items: Buffer[]): Value => ({
  type: 9,
  value: Buffer.concat([number32(type), number64(items.length), ...items]),
});
const entry = (key: string, { type, value }: Value): Buffer => Buffer.concat([text(key), number32(type), value]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number64(bytes.length), bytes]);
}
function number32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}
function number64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}
