import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import { createTokenCounter } from './counter.ts';

const repository = new URL('../../../../../../', import.meta.url);
const file = (path: string): string => readFileSync(new URL(path, repository), 'utf8');
const json = file('examples/models/glossary-llama/tokenizer.json');
const template = file('examples/models/glossary-llama/chat_template.jinja');
const whole = (tokenizer: string, text: string): number =>
  new Tokenizer(JSON.parse(tokenizer) as object, {}).tokenize(text, { add_special_tokens: false }).length;

const paragraphs = file('LICENSE').split('\n\n');
const texts = [
  ...paragraphs,
  'two  spaces, a tab\tand\n\nnew lines  \n at   last ',
  '빠른 갈색 여우가 게으른 개를 뛰어넘는다. <|im_start|>user hi<|im_end|>',
  ' leading',
  '',
];

/** A tokenizer as SentencePiece makes them: spaces are letters, a word begins with one, nothing is split before. */
const sentencePiece = JSON.stringify({
  ...(JSON.parse(json) as object),
  added_tokens: [],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    byte_fallback: false,
    vocab: { '<unk>': 0, '▁': 1, a: 2, b: 3, '▁a': 4, ab: 5, '▁ab': 6 },
    merges: ['▁ a', 'a b', '▁ ab', '▁a b'],
  },
});

test('FR-003c: tokens are counted as the tokenizer itself counts them, also from remembered pieces', () => {
  const counter = createTokenCounter({ json, config: null });
  for (let round = 0; round < 2; round++)
    for (const text of texts) assert.equal(counter.count(text), whole(json, text), JSON.stringify(text.slice(0, 60)));
  const long = texts.join(' ').slice(0, 9000);
  assert.equal(counter.count(long), whole(json, long));
});

test('FR-003c: a tokenizer that puts a mark before each text is counted right too', () => {
  const counter = createTokenCounter({ json: sentencePiece, config: null });
  const words = ['ab', 'a', 'b', 'ba', 'aab'];
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: 1 + (round % 9) }, (_, at) => words[(round * 7 + at * 3) % words.length]).join(
      ' ',
    );
    assert.equal(counter.count(text), whole(sentencePiece, text), text);
  }
});

test('FR-003c: the chat template is counted with its messages', () => {
  const config = JSON.stringify({ chat_template: template, eos_token: '<|im_end|>' });
  const counter = createTokenCounter({ json, config });
  const rendered = '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n';
  assert.equal(2 * counter.count('Hello') + counter.overhead(2), whole(json, rendered));
  assert.equal(counter.overhead(0), 0);
  assert.equal(createTokenCounter({ json, config: '{"chat_template":"{{ raise(1) }}"}' }).overhead(2), 0);
});
