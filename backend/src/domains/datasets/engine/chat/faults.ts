import { createWords } from '#platform/words';
import type { Say } from '../findings/sentences.ts';

/** Every fault of an example or its text: what it is, and what to do. The message may be made more exact where it is found. */
export const faultWords = createWords('faults', {
  chat_messages_invalid: {
    message: 'The messages are no list of objects with a role and a content.',
    fix: 'Write messages as [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}].',
  },
  chat_no_messages: {
    message: 'The list of messages is empty.',
    fix: 'Remove these rows, or give them a question and a reply.',
  },
  chat_role_missing: {
    message: 'A message has no role.',
    fix: 'Give each message a role: system, user, assistant or tool.',
  },
  chat_unknown_role: {
    message: 'A message has a role that chat templates do not know.',
    fix: 'Rename the role to system, user, assistant or tool.',
  },
  chat_system_not_first: {
    message: 'A system message is not the first one.',
    fix: 'Move system messages to the front; most chat templates refuse others.',
  },
  chat_first_not_user: {
    message: 'The conversation does not begin with the user.',
    fix: 'Remove what stands before the first message of the user.',
  },
  chat_alternation: {
    message: 'User and assistant do not take turns.',
    fix: 'Join messages of the same role that follow each other, or put in the turn that is missing.',
  },
  chat_last_not_assistant: {
    message: 'The last message is not the assistant’s: there is nothing to learn from it.',
    fix: 'Add the reply, or remove the messages after the last reply.',
  },
  chat_no_assistant: {
    message: 'No message is the assistant’s.',
    fix: 'Add a reply, or remove these rows.',
  },
  chat_empty_turn: { message: 'A message is blank.', fix: 'Remove blank messages together with their replies.' },
  chat_content_missing: {
    message: 'A message has no content.',
    fix: 'Give each message a text; only an assistant that calls tools may leave it out.',
  },
  chat_tool_unanswered: {
    message: 'A tool call has no answer although the conversation goes on.',
    fix: 'Put a tool message with its tool_call_id after each call.',
  },
  chat_tool_unasked: {
    message: 'A tool message answers no call.',
    fix: 'Put tool_calls into the assistant’s message before it, or remove the tool message.',
  },
  chat_prompt_empty: { message: 'The prompt is blank.', fix: 'Remove these rows, or fill in the prompt.' },
  chat_reply_empty: { message: 'The reply is blank.', fix: 'Remove these rows, or fill in the reply.' },
  chat_reply_is_prompt: {
    message: 'The reply repeats the prompt word for word.',
    fix: 'Remove these rows: a model learns from them to repeat the question.',
  },
  chat_prompt_repeated: {
    message: 'An earlier row has the same prompt.',
    fix: 'Keep one reply for each prompt, unless several are meant.',
  },
  chat_chosen_is_rejected: {
    message: 'The chosen and the rejected reply are the same.',
    fix: 'Remove these rows: there is no preference to learn.',
  },
  chat_prompts_differ: {
    message: 'The chosen and the rejected conversation differ before their last message.',
    fix: 'Both must answer the same conversation: make all but the last message equal.',
  },
  chat_contexts_empty: {
    message: 'There is no context to answer from.',
    fix: 'Add the passages, or remove these rows.',
  },
  chat_reference_empty: { message: 'The reference is blank.', fix: 'Remove these items, or fill in the reference.' },
  chat_reference_no_choice: {
    message: 'The reference is none of the choices.',
    fix: 'Write the reference as the text, the letter or the position of a choice.',
  },
  chat_choices_repeated: { message: 'Two choices are the same.', fix: 'Make the choices of an item different.' },
  chat_too_long: {
    message: 'The example is longer than the base model reads.',
    fix: 'Shorten or split these examples, or raise the limit; else training cuts them off.',
  },
  chat_control_characters: {
    message: 'It holds control characters, or the sign for a character that could not be read.',
    fix: 'Remove them, or convert the file again from its real encoding.',
  },
  chat_template_marker: {
    message: 'A marker of a chat template was left in the text.',
    fix: 'Remove markers such as <|im_start|> or [INST]; training puts them in by itself.',
  },
  chat_html: {
    message: 'HTML was left in the text.',
    fix: 'Convert it to plain text or Markdown, unless the model is meant to write HTML.',
  },
});
export const chatFaults = faultWords.all();
export type ChatFault = keyof typeof chatFaults;

/** Told of a fault, with a sentence where there is more to say than the catalogue does. */
export type Report = (fault: ChatFault, say?: Say) => void;

/** How sure it is that a fault is one; the others are certain. */
export const confidenceOf: Partial<Record<ChatFault, number>> = {
  chat_prompt_repeated: 0.6,
  chat_first_not_user: 0.8,
  chat_template_marker: 0.9,
  chat_html: 0.6,
  chat_reference_no_choice: 0.8,
};
