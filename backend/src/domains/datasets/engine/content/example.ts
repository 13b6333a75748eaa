import { lintItem, lintPair, lintPrompt, lintQuestion } from '../chat/examples.ts';
import type { Report } from '../chat/faults.ts';
import { eachText, firstPrompt, lintMessages } from '../chat/messages.ts';
import type { Pieces } from './pieces.ts';
import type { Shape } from './shape.ts';

/** A cell as it was read; `json`: it is JSON text. */
export interface Cells {
  readonly texts: readonly (string | null)[];
  readonly json: readonly boolean[];
}

/** Takes rows apart by the shape of their dataset. */
export interface ExampleReader {
  /** what is asked in the row that was read last; null: nothing that could be compared */
  readonly prompt: string | null;
  /** of the conversation that was read last; 0: it is none */
  readonly messages: number;
  /** Adds the row's texts to `pieces` and tells of the faults of its form. */
  read(cells: Cells, pieces: Pieces, report: Report): void;
}

/** `columns`: names of the cells. */
export function createExampleReader(shape: Shape, columns: readonly string[]): ExampleReader {
  const place = (name: string | null): number => (name === null ? -1 : columns.indexOf(name));
  const state = { prompt: null as string | null, messages: 0 };
  const read = readerOf(shape, place, state);
  return {
    get prompt() {
      return state.prompt;
    },
    get messages() {
      return state.messages;
    },
    read(cells, pieces, report) {
      state.prompt = null;
      state.messages = 0;
      read(cells, pieces, report);
    },
  };
}

type Place = (name: string | null) => number;
interface State {
  prompt: string | null;
  messages: number;
}

function readerOf(shape: Shape, place: Place, state: State): ExampleReader['read'] {
  switch (shape.kind) {
    case 'messages':
      return readMessages(place(shape.messages), state);
    case 'prompt':
      return readPrompt(shape.prompt.map(place), place(shape.completion), state);
    case 'pair':
      return readPair(
        { prompt: place(shape.prompt), chosen: place(shape.chosen), rejected: place(shape.rejected) },
        state,
      );
    case 'question': {
      const [question, contexts, answer] = [place(shape.question), place(shape.contexts), place(shape.answer)];
      return (cells, pieces, report) => {
        const asked = valueOf(cells, question);
        lintQuestion({ question: asked, contexts: valueOf(cells, contexts), answer: valueOf(cells, answer) }, report);
        addValue(cells, question, pieces);
        addValue(cells, answer, pieces);
        // Many questions are asked about the same passages.
        addValue(cells, contexts, pieces, { shared: true });
        state.prompt = typeof asked === 'string' ? asked : null;
      };
    }
    case 'item': {
      const [input, reference, choices] = [place(shape.input), place(shape.reference), place(shape.choices)];
      return (cells, pieces, report) => {
        const asked = valueOf(cells, input);
        const offered = choices === -1 ? undefined : valueOf(cells, choices);
        lintItem({ input: asked, reference: valueOf(cells, reference), choices: offered }, report);
        for (const index of [input, choices, reference]) addValue(cells, index, pieces);
        state.prompt = typeof asked === 'string' && offered === undefined ? asked : null;
      };
    }
    case 'texts': {
      const all = shape.texts.map(place);
      return (cells, pieces) => {
        for (const index of all) addValue(cells, index, pieces);
      };
    }
  }
}

function readMessages(messages: number, state: State): ExampleReader['read'] {
  return (cells, pieces, report) => {
    if (cells.texts[messages] === null) return;
    const value = valueOf(cells, messages, true);
    lintMessages(value, report);
    addConversation(value, messages, pieces);
    state.prompt = firstPrompt(value);
    state.messages = Array.isArray(value) ? value.length : 0;
  };
}

function readPrompt(prompts: number[], completion: number, state: State): ExampleReader['read'] {
  const [first] = prompts;
  return (cells, pieces, report) => {
    const asked = valueOf(cells, first!);
    lintPrompt({ prompt: asked, completion: valueOf(cells, completion) }, report);
    for (const index of [...prompts, completion]) addValue(cells, index, pieces);
    state.prompt = prompts.map((index) => cells.texts[index] ?? '').join('\n');
    if (state.prompt.trim() === '') state.prompt = null;
    state.messages = 2;
  };
}

function readPair(at: { prompt: number; chosen: number; rejected: number }, state: State): ExampleReader['read'] {
  return (cells, pieces, report) => {
    const prompt = at.prompt === -1 ? undefined : valueOf(cells, at.prompt);
    const [chosen, rejected] = [valueOf(cells, at.chosen, true), valueOf(cells, at.rejected, true)];
    lintPair({ prompt, chosen, rejected }, report);
    if (at.prompt !== -1) addValue(cells, at.prompt, pieces);
    addValue(cells, at.chosen, pieces, { alternative: 1 });
    addValue(cells, at.rejected, pieces, { alternative: 2 });
    state.messages = Array.isArray(chosen) ? chosen.length + (Array.isArray(prompt) ? prompt.length : 0) : 2;
  };
}

/** JSON is read; a text that looks like a list is too where one is expected: a CSV has no other way to hold it. */
function valueOf(cells: Cells, index: number, expectList = false): unknown {
  const text = cells.texts[index] ?? null;
  if (text === null || !(cells.json[index] === true || (expectList && /^\s*\[/.test(text)))) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

interface Extra {
  shared?: boolean;
  alternative?: number;
}

function addValue(cells: Cells, index: number, pieces: Pieces, extra?: Extra): void {
  const text = cells.texts[index] ?? null;
  if (text === null || text === '') return;
  const value = valueOf(cells, index, extra?.alternative !== undefined);
  if (value === text) pieces.add(text, index, { ...extra, cell: true });
  else if (Array.isArray(value) && value.some(isMessage)) addConversation(value, index, pieces, extra);
  else addLeaves(value, index, pieces, extra);
}

const isMessage = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ('role' in value || 'from' in value);

/** What a system message says is said in many conversations. */
function addConversation(value: unknown, index: number, pieces: Pieces, extra?: Extra): void {
  eachText(value, (text, role) => {
    if (text !== '') pieces.add(text, index, { ...extra, shared: extra?.shared === true || role === 'system' });
  });
}

/** Texts that lie deeper are none that a model is trained on. */
const DEEPEST = 64;

function addLeaves(value: unknown, index: number, pieces: Pieces, extra?: Extra, depth = 0): void {
  if (typeof value === 'string') {
    if (value !== '') pieces.add(value, index, extra);
  } else if (typeof value === 'object' && value !== null && depth < DEEPEST)
    for (const each of Array.isArray(value) ? value : Object.values(value))
      addLeaves(each, index, pieces, extra, depth + 1);
}
