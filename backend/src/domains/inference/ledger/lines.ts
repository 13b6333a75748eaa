import type { UsageEvent } from '../usage.ts';
import { complete, createSources, ownFields, sourceFields } from './sources.ts';
import type { UsagePatch } from './types.ts';

/** What a line of the journal tells. A second `begin` of an id is the event as it stood then, and replaces what came before. */
export type Change = { kind: 'begin'; event: UsageEvent } | { kind: 'progress' | 'end'; id: string; patch: UsagePatch };

/** Writes the begins of one file: what events have in common is a line of its own, before the first of them. */
export interface Lines {
  begin(event: UsageEvent): string;
}

/** First line of each file: a later version that knows other fields reads it all the same. */
export const fieldsLine = `${JSON.stringify({ source: complete ? sourceFields : [], own: ownFields })}\n`;

export function createLines(): Lines {
  const sources = createSources();
  return {
    begin(event) {
      let before = '';
      const number = sources.numberOf(event, (made) => (before = sourceLine(made, event)));
      return before + beginLine(number, event);
    },
  };
}

const sourceLine = (number: number, event: UsageEvent): string =>
  `{"source":${number},"values":${JSON.stringify(sourceFields.map((field) => event[field]))}}\n`;

/** Written for each request, in the order of `ownFields`. */
const beginLine = (source: number, e: UsageEvent): string =>
  `${JSON.stringify([
    source,
    e.id,
    e.at,
    e.request_id,
    e.status,
    e.error_code,
    e.prompt_tokens,
    e.completion_tokens,
    e.estimated,
    e.cost,
    e.latency_ms,
    e.first_token_ms,
    e.finish_reason,
    e.attempts,
    e.trace_id,
    e.decision,
  ])}\n`;
export const progressLine = (id: string, patch: UsagePatch): string =>
  `{"progress":"${id}","patch":${JSON.stringify(patch)}}\n`;
export const endLine = (id: string, patch: UsagePatch): string => `{"end":"${id}","patch":${JSON.stringify(patch)}}\n`;

/** Reads the lines of one file. */
interface Reader {
  /** Undefined: it tells of no event; null: it is no line of a journal. */
  read(text: string): Change | undefined | null;
}

function createReader(): Reader {
  let own: readonly string[] = [];
  let shared: readonly string[] = [];
  /** of files that an older version wrote */
  let whole: readonly string[] = [];
  const sources = new Map<number, Readonly<Record<string, unknown>>>();

  function begun(values: readonly unknown[]): Change | null {
    const [source, ...rest] = values;
    if (typeof source !== 'number') return eventOf(named(whole, values));
    const found = sources.get(source);
    const mine = named(own, rest);
    return found === undefined || mine === null ? null : eventOf({ ...found, ...mine });
  }

  function told(line: Record<string, unknown>): Change | undefined | null {
    const { fields, source, own: names, values, progress, end, patch } = line;
    if (Array.isArray(fields)) return void (whole = fields.map(String));
    if (Array.isArray(source) && Array.isArray(names)) {
      shared = source.map(String);
      own = names.map(String);
      return undefined;
    }
    if (typeof source === 'number' && Array.isArray(values)) {
      const found = named(shared, values);
      if (found === null) return null;
      return void sources.set(source, found);
    }
    if (typeof patch !== 'object' || patch === null) return null;
    if (typeof end === 'string') return { kind: 'end', id: end, patch };
    return typeof progress === 'string' ? { kind: 'progress', id: progress, patch } : null;
  }

  return {
    read(text) {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return null;
      }
      if (Array.isArray(value)) return begun(value);
      return typeof value === 'object' && value !== null ? told(value as Record<string, unknown>) : null;
    },
  };
}

const named = (names: readonly string[], values: readonly unknown[]): Readonly<Record<string, unknown>> | null =>
  names.length === values.length ? Object.fromEntries(names.map((name, place) => [name, values[place]])) : null;

function eventOf(values: Readonly<Record<string, unknown>> | null): Change | null {
  const event = values as unknown as UsageEvent | null;
  return typeof event?.id === 'string' && typeof event.at === 'string' ? { kind: 'begin', event } : null;
}

/** Lines of a whole file; `damaged` is called with the number of each that is none. A last line without an end is not asked for. */
export function* linesIn(lines: readonly string[], damaged: (line: number) => void): Generator<Change> {
  const reader = createReader();
  for (const [index, text] of lines.entries()) {
    if (text === '') continue;
    const change = reader.read(text);
    if (change === null) damaged(index + 1);
    else if (change !== undefined) yield change;
  }
}
