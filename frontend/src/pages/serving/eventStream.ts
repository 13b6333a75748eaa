export interface StreamEvent {
  /** `message` when the stream does not name it */
  name: string;
  data: string;
}

/** Takes an event stream in any pieces and answers the events that are complete. */
export function createEventParser(): (text: string) => StreamEvent[] {
  let rest = '';
  let lines: string[] = [];
  let name = '';
  return (text) => {
    rest += text;
    const events: StreamEvent[] = [];
    for (let end = endOfLine(rest); end !== null; end = endOfLine(rest)) {
      const line = rest.slice(0, end.at);
      rest = rest.slice(end.at + end.length);
      if (line.startsWith('data:')) lines.push(line.slice(5).replace(/^ /, ''));
      else if (line.startsWith('event:')) name = line.slice(6).trim();
      if (line !== '') continue;
      if (lines.length > 0) events.push({ name: name || 'message', data: lines.join('\n') });
      lines = [];
      name = '';
    }
    return events;
  };
}

/** A carriage return at the very end may be half of a pair. */
function endOfLine(text: string): { at: number; length: number } | null {
  const found = /\r\n|\n|\r(?!$)/.exec(text);
  return found === null ? null : { at: found.index, length: found[0].length };
}

/** The events of a body, as they come; after each piece that held none, null. What the stream breaks off in the middle of is left out. */
export async function* readNamedEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent | null> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parse = createEventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = parse(decoder.decode(value, { stream: true }));
      if (events.length === 0) yield null;
      yield* events;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The `data` of each event of a body. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  for await (const event of readNamedEvents(body)) if (event !== null) yield event.data;
}
