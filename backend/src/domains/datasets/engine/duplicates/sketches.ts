import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { createSketcher, similarityOf, sketchSize } from './sketch.ts';

/** texts whose sketches are put aside together */
const BLOCK = 1 << 14;
const BYTES = BLOCK * sketchSize;

/** Sketches of texts by their place: the first ones in memory, the others in a file. */
export interface Sketches {
  add(members: Uint32Array, count: number): void;
  /** estimated, of two texts */
  similarity(a: number, b: number): number;
  /** Writes a hash of `width` places of each sketch, from the place `from` on. */
  keys(from: number, width: number, into: Uint32Array): void;
  close(): void;
}

/**
 * A block that is put aside is there twice: text by text, to compare two of them, and place by place, so that the keys of all bands together
 * need each byte once.
 * @param inMemory texts, in whole blocks
 * @param path of the file, which is made when it is needed
 */
export function createSketches({ inMemory, path }: { inMemory: number; path: string }): Sketches {
  const sketch = createSketcher();
  const most = Math.floor(inMemory / BLOCK);
  const blocks: Uint8Array[] = [];
  /** the block that is being filled */
  let last = new Uint8Array(BYTES);
  let count = 0;
  let aside = 0;
  let file: number | null = null;
  const [one, other, byPlace] = [new Uint8Array(sketchSize), new Uint8Array(sketchSize), new Uint8Array(BYTES)];

  function settle(): void {
    if (blocks.length < most) {
      blocks.push(last);
      last = new Uint8Array(BYTES);
      return;
    }
    file ??= openSync(path, 'w+');
    for (let at = 0; at < BLOCK; at++)
      for (let place = 0; place < sketchSize; place++) byPlace[place * BLOCK + at] = last[at * sketchSize + place]!;
    write(file, last, aside * 2 * BYTES);
    write(file, byPlace, (aside * 2 + 1) * BYTES);
    aside++;
  }

  /** Where the sketch of a text lies; one that was put aside is read into `room`. */
  function find(index: number, room: Uint8Array): [bytes: Uint8Array, from: number] {
    const block = Math.floor(index / BLOCK);
    const from = (index % BLOCK) * sketchSize;
    if (block < blocks.length) return [blocks[block]!, from];
    if (block === blocks.length + aside) return [last, from];
    read(file!, room, sketchSize, (block - blocks.length) * 2 * BYTES + from);
    return [room, 0];
  }

  return {
    add(members, size) {
      if (count > 0 && count % BLOCK === 0) settle();
      sketch(members, size, last, (count++ % BLOCK) * sketchSize);
    },
    similarity(a, b) {
      const [bytes, from] = find(a, one);
      const [others, at] = find(b, other);
      return similarityOf(bytes, from, others, at);
    },
    keys(from, width, into) {
      for (let block = 0, first = 0; first < count; block++, first += BLOCK) {
        const own = Math.min(BLOCK, count - first);
        const isAside = block >= blocks.length && block < blocks.length + aside;
        if (isAside) read(file!, byPlace, width * BLOCK, ((block - blocks.length) * 2 + 1) * BYTES + from * BLOCK);
        const bytes = isAside ? byPlace : (blocks[block] ?? last);
        // from one place of a sketch to the next, and from one sketch to the next
        const [step, stride] = isAside ? [BLOCK, 1] : [1, sketchSize];
        for (let at = 0; at < own; at++)
          into[first + at] = keyOf(bytes, (isAside ? 0 : from) + at * stride, width, step);
      }
    },
    close() {
      if (file === null) return;
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}

function keyOf(bytes: Uint8Array, start: number, width: number, step: number): number {
  let key = 0x811c9dc5;
  for (let place = 0, at = start; place < width; place++, at += step) key = Math.imul(key ^ bytes[at]!, 0x01000193);
  key = Math.imul(key ^ (key >>> 15), 0x2c1b3c6d);
  return (key ^ (key >>> 13)) >>> 0;
}

function write(file: number, bytes: Uint8Array, position: number): void {
  for (let from = 0; from < bytes.length;) from += writeSync(file, bytes, from, bytes.length - from, position + from);
}

function read(file: number, into: Uint8Array, length: number, position: number): void {
  for (let from = 0; from < length;) {
    const bytes = readSync(file, into, from, length - from, position + from);
    if (bytes === 0) throw new Error('The file of sketches is shorter than it was.');
    from += bytes;
  }
}
