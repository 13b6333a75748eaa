import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDistinct } from '../text/distinct.ts';
import { createUnits, unitCapacity } from '../text/units.ts';
import { createWindows } from '../text/windows.ts';
import { bandsFor } from './bands.ts';
import { createNearIndex, none } from './near.ts';
import { createSketcher, similarityOf, sketchSize } from './sketch.ts';
import { createVerifier, jaccard } from './verify.ts';

/** Mulberry32: the same numbers in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const words = Array.from({ length: 4000 }, (_, index) => `w${index.toString(36)}`);
const syllables = [...'가나다라마바사아자차카타파하고노도로모보소오조초코토포호구누두루무부수우주추쿠투푸후'];

/** Texts of which many are an earlier one with some words changed, put in or left out. */
function corpus(size: number, seed: number, korean: boolean): string[] {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const word = (): string =>
    korean
      ? Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(syllables)).join('')
      : words[Math.floor(random() ** 3 * words.length)]!;
  const texts: string[][] = [];
  for (let index = 0; index < size; index++) {
    if (index > 10 && random() < 0.3) {
      const changed = [...pick(texts)];
      const edits = Math.floor(random() * 5);
      for (let edit = 0; edit < edits; edit++) {
        const at = Math.floor(random() * changed.length);
        const how = random();
        if (how < 0.5) changed[at] = word();
        else if (how < 0.75) changed.splice(at, 1);
        else changed.splice(at, 0, word());
      }
      texts.push(changed);
    } else texts.push(Array.from({ length: 12 + Math.floor(random() ** 2 * 250) }, word));
  }
  return texts.map((each) => each.join(' '));
}

/** Shingles without any hash: 5 words, or 10 syllables whatever the spaces. */
function shinglesOf(text: string, korean: boolean, ids: Map<string, number>): Uint32Array {
  const units = korean ? [...text.replaceAll(' ', '')] : text.split(' ');
  const size = korean ? 10 : 5;
  const found = new Set<number>();
  for (let at = 0; at + size <= units.length; at++) {
    const key = units.slice(at, at + size).join(' ');
    if (!ids.has(key)) ids.set(key, ids.size);
    found.add(ids.get(key)!);
  }
  return Uint32Array.from(found).sort();
}

/** Rows whose exact similarity to an earlier one reaches the threshold: all pairs that share anything are counted. */
function likeEarlier(sets: readonly Uint32Array[], threshold: number): Set<number> {
  const holders = new Map<number, number[]>();
  const found = new Set<number>();
  const shared = new Uint32Array(sets.length);
  sets.forEach((set, row) => {
    shared.fill(0);
    for (const shingle of set) {
      const rows = holders.get(shingle) ?? [];
      for (const earlier of rows) shared[earlier]!++;
      rows.push(row);
      holders.set(shingle, rows);
    }
    for (let earlier = 0; earlier < row; earlier++)
      if (shared[earlier]! >= threshold * (set.length + sets[earlier]!.length - shared[earlier]!)) found.add(row);
  });
  return found;
}

function membersOf(texts: readonly string[]): Uint32Array[] {
  const units = createUnits();
  const windows = createWindows(unitCapacity);
  const distinct = createDistinct(unitCapacity);
  const target = new Uint32Array(unitCapacity);
  return texts.map((text) => {
    units.clear();
    units.add(text, 0);
    windows.read(units, 10);
    return target.slice(0, distinct(windows.hash, windows.count, target));
  });
}

for (const korean of [false, true])
  for (const threshold of [0.6, 0.8]) {
    const name = `${korean ? 'Korean' : 'words'}, threshold ${threshold}`;
    test(`FR-003c: near duplicates are those that brute force finds (${name})`, () => {
      const texts = corpus(1000, 7 + threshold * 10, korean);
      const members = membersOf(texts);
      const index = createNearIndex({ texts: 1e6, bytes: 2 ** 28, path: 'unused' });
      members.forEach((each, row) => assert.ok(index.add(row, each, each.length)));
      const verifier = createVerifier(index, index.candidates(threshold), { threshold, bytes: 1e9 });
      const found = members.flatMap((each, place) =>
        verifier.isNeeded(place) ? (verifier.look(place, each.slice().sort()) ?? []) : [],
      );

      const ids = new Map<string, number>();
      const sets = texts.map((text) => shinglesOf(text, korean, ids));
      const truth = likeEarlier(sets, threshold);
      const right = found.filter(({ row }) => truth.has(row)).length;
      const recall = right / truth.size;
      const precision = right / found.length;
      assert.ok(truth.size > 80, `only ${truth.size} planted`);
      assert.ok(recall >= 0.97, `recall ${recall} of ${truth.size}`);
      assert.ok(precision >= 0.999, `precision ${precision} of ${found.length}`);
      for (const { row, earlier, similarity, first, verified } of found) {
        assert.ok(verified && earlier < row && first <= earlier);
        assert.equal(similarity.toFixed(6), jaccard(sets[row]!, sets[earlier]!).toFixed(6));
      }
    });
  }

test('FR-003c: a sketch estimates the similarity of short and long texts alike', () => {
  const sketch = createSketcher();
  const random = randomOf(3);
  const a = new Uint8Array(sketchSize);
  const b = new Uint8Array(sketchSize);
  for (const size of [1, 8, 40, 300, 5000]) {
    let error = 0;
    const rounds = 60;
    for (let round = 0; round < rounds; round++) {
      const all = Uint32Array.from({ length: size * 2 }, () => Math.floor(random() * 2 ** 32));
      const shared = Math.floor(random() * size);
      // Both have `size` members, of which `shared` are the same.
      sketch(all.subarray(0, size), size, a, 0);
      sketch(all.subarray(size - shared, 2 * size - shared), size, b, 0);
      error += similarityOf(a, 0, b, 0) - shared / (2 * size - shared);
    }
    assert.ok(Math.abs(error / rounds) < 0.03, `${size}: ${error / rounds} too much on average`);
  }
});

test('FR-003c: bands find 99 of 100 texts at the threshold and the index has a limit', () => {
  for (const threshold of [0.5, 0.6, 0.7, 0.8, 0.9, 1]) {
    const { bands, rows } = bandsFor(threshold);
    assert.ok(bands * rows <= sketchSize);
    assert.ok(1 - (1 - threshold ** rows) ** bands >= 0.99, `at ${threshold}`);
  }
  const index = createNearIndex({ texts: 5, bytes: 2 * 31, path: 'unused' });
  const one = Uint32Array.of(1, 2, 3);
  assert.deepEqual([index.add(0, one, 3), index.add(1, one, 3), index.add(2, one, 3)], [true, true, false]);
  assert.deepEqual(index.candidates(0.8), {
    count: 1,
    place: Uint32Array.of(1),
    first: Uint32Array.of(0),
    estimate: Uint8Array.of(255),
    second: Uint32Array.of(none),
    secondEstimate: Uint8Array.of(0),
  });
});

test('FR-003c: sketches that do not fit into memory are put aside, and the same texts are alike', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'llm-ops-sketches-'));
  t.after(() => rm(folder, { recursive: true }));
  const random = randomOf(11);
  const draw = (): number => Math.floor(random() * 2 ** 32);
  const texts: Uint32Array[] = [];
  for (let row = 0; row < 60_000; row++) {
    const earlier = row % 10 === 9 ? texts[Math.floor(random() * row)] : undefined;
    const members = earlier?.slice() ?? Uint32Array.from({ length: 20 }, draw);
    if (earlier !== undefined) members[row % 20] = draw();
    texts.push(members);
  }
  const look = (bytes: number) => {
    const path = join(folder, 'sketches');
    const index = createNearIndex({ texts: texts.length, bytes, path });
    texts.forEach((members, row) => assert.ok(index.add(row, members, members.length)));
    const aside = existsSync(path);
    const found = index.candidates(0.8);
    index.close();
    assert.ok(!existsSync(path), 'nothing stays behind');
    return { found, aside };
  };
  const all = look(2 ** 28);
  assert.ok(!all.aside && all.found.count > 5_000, String(all.found.count));
  // with room for one block, and for none
  for (const bytes of [texts.length * 31 + 128 * 20_000, texts.length * 31]) {
    const { found, aside } = look(bytes);
    assert.ok(aside);
    assert.deepEqual(found, all.found);
  }
});

test('FR-003c: what cannot be held for later is judged by its estimate, and groups name their first row', () => {
  const candidates = {
    count: 3,
    place: Uint32Array.of(1, 3, 4),
    first: Uint32Array.of(0, 1, 2),
    estimate: Uint8Array.of(230, 217, 190),
    second: Uint32Array.of(none, none, none),
    secondEstimate: new Uint8Array(3),
  };
  // Only one text of 20 bytes can be held.
  const verifier = createVerifier({ count: 5, rowOf: (place) => place * 10 }, candidates, {
    threshold: 0.8,
    bytes: 20,
  });
  assert.ok([0, 1, 2, 3, 4].every(verifier.isNeeded));
  assert.equal(verifier.look(0, Uint32Array.of(1, 2, 3, 4, 5)), null);
  const second = verifier.look(1, Uint32Array.of(1, 2, 3, 4, 5, 6));
  assert.deepEqual(second, { row: 10, earlier: 0, first: 0, similarity: 5 / 6, verified: true });
  assert.equal(verifier.look(2, Uint32Array.of(7)), null);
  const third = verifier.look(3, Uint32Array.of(1, 2, 3, 4, 5, 6));
  assert.deepEqual(third, { row: 30, earlier: 10, first: 0, similarity: 217 / 255, verified: false });
  assert.equal(verifier.look(4, Uint32Array.of(8)), null);
});
