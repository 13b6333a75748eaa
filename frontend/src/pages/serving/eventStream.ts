/** Takes an event stream in any pieces and answers the `data` of the events that are complete. */
export function createEventParser(): (text: string) => string[] {
  let rest = '';
  let lines: string[] = [];
  return (text) => {
    rest += text;
    const events: string[] = [];
    for (let end = endOfLine(rest); end !== null; end = endOfLine(rest)) {
      const line = rest.slice(0, end.at);
      rest = rest.slice(end.at + end.length);
      if (line.startsWith('data:')) lines.push(line.slice(5).replace(/^ /, ''));
      if (line !== '' || lines.length === 0) continue;
      events.push(lines.join('\n'));
      lines = [];
    }
    return events;
  };
}

/** A carriage return at the very end may be half of a pair. */
function endOfLine(text: string): { at: number; length: number } | null {
  const found = /\r\n|\n|\r(?!$)/.exec(text);
  return found === null ? null : { at: found.index, length: found[0].length };
}

/** The `data` of each event of a body, as they come. What the stream breaks off in the middle of is left out. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parse = createEventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parse(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
