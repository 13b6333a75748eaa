const LINE_END = 10;

/** Cuts bytes into lines, wherever the network cut them before. What is held between two pushes is copied: readers reuse their memory. */
export function createLineReader({ maxBytes }: { maxBytes: number }) {
  let held = Buffer.alloc(0);
  let size = 0;

  const hold = (piece: Buffer): void => {
    if (size + piece.length > maxBytes) throw new RangeError(`a line is longer than ${maxBytes} bytes`);
    if (size + piece.length > held.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * held.length, size + piece.length));
      held.copy(larger, 0, 0, size);
      held = larger;
    }
    piece.copy(held, size);
    size += piece.length;
  };
  const take = (): Buffer => {
    const line = Buffer.from(held.subarray(0, size));
    size = 0;
    return line;
  };

  return {
    /** The lines that end in this chunk, without their ends. Throws `RangeError` for one beyond `maxBytes`. */
    *push(chunk: Buffer): Generator<Buffer> {
      let from = 0;
      for (let at = chunk.indexOf(LINE_END); at !== -1; at = chunk.indexOf(LINE_END, from)) {
        hold(chunk.subarray(from, at));
        from = at + 1;
        yield take();
      }
      hold(chunk.subarray(from));
    },
    /** What came after the last line's end. */
    rest: take,
  };
}
