import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lintItem, lintPair, lintPrompt, lintQuestion } from './examples.ts';
import { chatFaults, type ChatFault, type Report } from './faults.ts';
import { eachText, firstPrompt, lintMessages } from './messages.ts';
import { lintText } from './text.ts';

function faultsOf(lint: (report: Report) => void): ChatFault[] {
  const found: ChatFault[] = [];
  lint((fault) => void found.push(fault));
  assert.equal(new Set(found).size, found.length, 'each fault once');
  return found.toSorted();
}
const messages = (...turns: [string, unknown, object?][]): unknown =>
  turns.map(([role, content, more]) => ({ role, content, ...more }));
const ofMessages = (value: unknown): ChatFault[] => faultsOf((report) => lintMessages(value, report));
const call = { tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"city":"Seoul"}' } }] };

test('FR-003c: conversations without a fault are left alone', () => {
  const good = [
    messages(['user', 'Hi'], ['assistant', 'Hello']),
    messages(['system', 'Be kind'], ['user', 'Hi'], ['assistant', 'Hello'], ['user', 'Bye'], ['assistant', 'Bye']),
    messages(['developer', 'Be kind'], ['user', [{ type: 'text', text: 'Hi' }]], ['assistant', 'Hello']),
    messages(['user', 'Weather?'], ['assistant', null, call], ['tool', '21 °C'], ['assistant', 'It is 21 °C.']),
    messages(['user', 'Weather?'], ['assistant', '', call]),
    [
      { from: 'human', value: 'Hi' },
      { from: 'gpt', value: 'Hello' },
    ],
  ];
  for (const each of good) assert.deepEqual(ofMessages(each), [], JSON.stringify(each));
});

test('FR-003c: each fault of a conversation is named', () => {
  const bad: [ChatFault[], unknown][] = [
    [['chat_messages_invalid'], 'user: hi'],
    [['chat_messages_invalid'], null],
    [['chat_messages_invalid'], ['hi', 'hello']],
    [['chat_messages_invalid'], messages(['user', 'Hi'], ['assistant', { text: 'Hello' }])],
    [['chat_no_messages'], []],
    [
      ['chat_role_missing'],
      [{ content: 'Hi' }, { role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Hello' }],
    ],
    [
      ['chat_unknown_role'],
      messages(['user', 'Hi'], ['assistant', 'Hello'], ['narrator', 'Later'], ['user', 'Hi'], ['assistant', 'Hello']),
    ],
    [['chat_system_not_first'], messages(['user', 'Hi'], ['system', 'Be kind'], ['assistant', 'Hello'])],
    [['chat_first_not_user'], messages(['assistant', 'Hello'], ['user', 'Hi'], ['assistant', 'Bye'])],
    [['chat_alternation'], messages(['user', 'Hi'], ['user', 'There?'], ['assistant', 'Hello'])],
    [['chat_alternation'], messages(['user', 'Hi'], ['assistant', 'Hello'], ['assistant', 'Still here'])],
    [['chat_last_not_assistant'], messages(['user', 'Hi'], ['assistant', 'Hello'], ['user', 'Bye'])],
    [['chat_no_assistant'], messages(['user', 'Hi'])],
    [['chat_empty_turn'], messages(['user', '  \n'], ['assistant', 'Hello'])],
    [['chat_reply_empty'], messages(['user', 'Hi'], ['assistant', ' '])],
    [['chat_content_missing'], messages(['user', null], ['assistant', 'Hello'])],
    [['chat_content_missing'], messages(['user', 'Hi'], ['assistant', null])],
    [
      ['chat_tool_unanswered'],
      messages(['user', 'Weather?'], ['assistant', null, call], ['user', 'And?'], ['assistant', '?']),
    ],
    [['chat_tool_unasked'], messages(['user', 'Hi'], ['tool', '21 °C'], ['assistant', 'Hello'])],
    [['chat_unknown_role', 'chat_no_assistant'], messages(['human', 'Hi'], ['gpt', 'Hello'])],
  ];
  for (const [faults, value] of bad) assert.deepEqual(ofMessages(value), faults.toSorted(), JSON.stringify(value));
});

test('FR-003c: a message names the turn, and never the text of a role', () => {
  const said: unknown[] = [];
  lintMessages(messages(['user', 'Hi'], ['john@example.org', 'x'], ['assistant', 'Hello']), (_, say) =>
    said.push(say?.()),
  );
  assert.deepEqual(said, [
    {
      text: 'Message 2 has a role that chat templates do not know.',
      code: 'example.role_unknown.text',
      values: { turn: 2 },
    },
  ]);
});

test('FR-003c: what is told of later keeps the values of its moment', () => {
  const said: (string | undefined)[] = [];
  lintMessages(
    messages(['user', 'Hi'], ['assistant', null, call], ['user', 'And?'], ['assistant', 'Sunny.']),
    (_, say) => said.push(say?.().text),
  );
  assert.deepEqual(said, ['Before message 3, 1 call has no answer.']);
});

test('FR-003c: texts and first prompt of a conversation', () => {
  const seen: string[] = [];
  const value = messages(
    ['system', 'S'],
    ['user', [{ type: 'text', text: 'Q' }]],
    ['assistant', null, call],
    ['odd', 'O'],
  );
  eachText(value, (text, role) => seen.push(`${role}: ${text}`));
  assert.deepEqual(seen, ['system: S', 'user: Q', 'assistant: {"city":"Seoul"}', 'null: O']);
  assert.equal(firstPrompt(value), 'Q');
  assert.equal(firstPrompt('no list'), null);
});

test('FR-003c: pairs of prompt and completion', () => {
  const of = (prompt: unknown, completion: unknown): ChatFault[] =>
    faultsOf((report) => lintPrompt({ prompt, completion }, report));
  assert.deepEqual(of('Hi', 'Hello'), []);
  assert.deepEqual(of('', 'Hello'), ['chat_prompt_empty']);
  assert.deepEqual(of('Hi', ' \t'), ['chat_reply_empty']);
  assert.deepEqual(of(null, null), ['chat_prompt_empty', 'chat_reply_empty']);
  assert.deepEqual(of('Hi', 'Hi '), ['chat_reply_is_prompt']);
  assert.deepEqual(of(messages(['user', 'Hi']), messages(['user', 'Hello'])), [
    'chat_alternation',
    'chat_no_assistant',
  ]);
});

test('FR-003c: chosen and rejected, as texts and as conversations', () => {
  const of = (prompt: unknown, chosen: unknown, rejected: unknown): ChatFault[] =>
    faultsOf((report) => lintPair({ prompt, chosen, rejected }, report));
  assert.deepEqual(of('Q', 'good', 'bad'), []);
  assert.deepEqual(of(undefined, 'Human: Q Assistant: good', 'Human: Q Assistant: bad'), []);
  assert.deepEqual(of('Q', 'same', 'same '), ['chat_chosen_is_rejected']);
  assert.deepEqual(of(' ', 'good', ''), ['chat_prompt_empty', 'chat_reply_empty']);
  const good = messages(['user', 'Q'], ['assistant', 'good']);
  assert.deepEqual(of(undefined, good, messages(['user', 'Q'], ['assistant', 'bad'])), []);
  assert.deepEqual(of(undefined, good, good), ['chat_chosen_is_rejected']);
  assert.deepEqual(of(undefined, good, messages(['user', 'Other'], ['assistant', 'bad'])), ['chat_prompts_differ']);
  assert.deepEqual(of('Q', messages(['assistant', 'good']), messages(['assistant', 'bad'])), []);
  assert.deepEqual(of(undefined, [], []), ['chat_no_messages']);
});

test('FR-003c: questions with contexts, and items of a benchmark', () => {
  const question = (example: { question: unknown; contexts: unknown; answer: unknown }): ChatFault[] =>
    faultsOf((report) => lintQuestion(example, report));
  assert.deepEqual(question({ question: 'Q', contexts: ['c'], answer: 'A' }), []);
  assert.deepEqual(question({ question: '', contexts: [' '], answer: null }), [
    'chat_contexts_empty',
    'chat_prompt_empty',
    'chat_reply_empty',
  ]);
  const item = (reference: unknown, choices?: unknown): ChatFault[] =>
    faultsOf((report) => lintItem({ input: 'Q', reference, choices }, report));
  for (const reference of ['Paris', 'B', '(b)', 1, 0, '2']) assert.deepEqual(item(reference, ['Rome', 'Paris']), []);
  assert.deepEqual(item('2', { text: ['Rome', 'Paris'], label: ['1', '2'] }), []);
  assert.deepEqual(item('Berlin', ['Rome', 'Paris']), ['chat_reference_no_choice']);
  assert.deepEqual(item('D', ['Rome', 'Paris']), ['chat_reference_no_choice']);
  assert.deepEqual(item('Rome', ['Rome', 'Rome']), ['chat_choices_repeated']);
  assert.deepEqual(item(null), ['chat_reference_empty']);
  assert.deepEqual(item('anything'), []);
});

test('FR-003c: what does not belong into a text', () => {
  const of = (text: string): ChatFault[] => faultsOf((report) => lintText(text, report));
  for (const good of [
    'Plain, with\ttabs\r\nand a < b && c > d.',
    'See [1] and ## Heading',
    'Use `<div>` or\n```html\n<p>hi</p>\n```',
  ])
    assert.deepEqual(of(good), [], good);
  for (const marked of [
    '<|im_start|>user',
    'text</s>',
    '[INST] hi [/INST]',
    'a<|eot_id|>',
    '<start_of_turn>',
    '### Response:\nok',
  ])
    assert.deepEqual(of(marked), ['chat_template_marker'], marked);
  for (const tagged of ['<p>hi</p>', 'a&nbsp;b', 'line<br/>line', '<a href="x">y</a>', 'Tom &amp; Jerry'])
    assert.deepEqual(of(tagged), ['chat_html'], tagged);
  for (const broken of ['a\u0000b', 'caf\ufffd', '\u001b[31mred'])
    assert.deepEqual(of(broken), ['chat_control_characters']);
});

test('FR-003c: every fault has a message and a fix', () => {
  for (const { message, fix } of Object.values(chatFaults)) assert.match(`${message} ${fix}`, /^\S.+\. \S.+\.$/);
});
